/** Something went wrong or is worth knowing: what happened, what to do about it, and the button that does it. */

import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import styles from "./Notice.module.css";

interface Props {
  title: string;
  text: string;
  /** Which problem it is, for those who look for one. */
  kind?: string;
  children?: ReactNode;
}

export function Notice({ title, text, kind, children }: Props) {
  return (
    <div className={styles.notice} role="alert" data-testid="error-message" data-kind={kind}>
      <TriangleAlert className={styles.icon} aria-hidden="true" />
      <div className={styles.words}>
        <p className={styles.title}>{title}</p>
        <p className={styles.text}>{text}</p>
        {children}
      </div>
    </div>
  );
}
