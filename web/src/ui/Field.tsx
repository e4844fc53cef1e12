/** A line of text to fill in, with what it is for, a word of help, and the button that sends it. */

import type { ReactNode, Ref } from "react";
import { Input, type InputProps, Text, TextField } from "react-aria-components";
import { classes } from "./classes";
import styles from "./Field.module.css";

interface Props extends Omit<InputProps, "className" | "style" | "value" | "onChange"> {
  /** Its name for those who do not see the placeholder. */
  label: string;
  value: string;
  onChange: (value: string) => void;
  help: string | undefined;
  inputRef: Ref<HTMLInputElement>;
  /** Stands at the end of the line. */
  button: ReactNode;
}

export function Field({ label, value, onChange, help, inputRef, button, ...input }: Props) {
  return (
    <TextField
      className={classes(styles.field)}
      aria-label={label}
      value={value}
      onChange={onChange}
    >
      <div className={styles.line}>
        <Input {...input} ref={inputRef} className={classes(styles.input)} />
        {button}
      </div>
      {help !== undefined && (
        <Text slot="description" className={classes(styles.help)}>
          {help}
        </Text>
      )}
    </TextField>
  );
}
