/** What a select opens: a list in which the chosen one has a mark. */

import { Check } from "lucide-react";
import type { ReactNode } from "react";
import { ListBox, ListBoxItem, Popover, type PopoverProps } from "react-aria-components";
import styles from "./Options.module.css";

interface OptionsProps {
  placement: PopoverProps["placement"];
  children: ReactNode;
}

export function Options({ placement, children }: OptionsProps) {
  return (
    <Popover className={styles.popover ?? ""} placement={placement}>
      <ListBox className={styles.list ?? ""}>{children}</ListBox>
    </Popover>
  );
}

interface OptionProps {
  id: string;
  /** What is typed to find it, and read of it once it is chosen. */
  text: string;
  children: ReactNode;
}

export function Option({ id, text, children }: OptionProps) {
  return (
    <ListBoxItem id={id} textValue={text} className={styles.item ?? ""}>
      <Check aria-hidden="true" />
      {children}
    </ListBoxItem>
  );
}
