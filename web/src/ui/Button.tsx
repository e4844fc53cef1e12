/** A button, by how much it matters and what its press does. */

import { Button as AriaButton, type ButtonProps } from "react-aria-components";
import styles from "./Button.module.css";
import { classes } from "./classes";

interface Props extends Omit<ButtonProps, "className" | "style"> {
  /**
   * `primary`: the one that the page is for. `danger`: ends something. `plain`: a control.
   * `pressed`: a control that is on. `quiet`: beside a text. `bare`: inside a field.
   * `link`: a line of text.
   */
  look: "primary" | "danger" | "plain" | "pressed" | "quiet" | "bare" | "link";
  size?: "normal" | "large";
  /** Holds an icon alone, which needs an `aria-label`. */
  round?: boolean;
}

export function Button({ look, size = "normal", round = false, ...props }: Props) {
  const className = classes(
    styles.button,
    styles[look],
    size === "large" && styles.large,
    round && styles.round,
  );
  return <AriaButton {...props} className={className} />;
}
