/** A problem in words: what happened, what to do about it, and the button that does it. */

import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Problem } from "../problem";
import styles from "./Notice.module.css";

export function Notice({ problem, children }: { problem: Problem; children?: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className={styles.notice} role="alert" data-testid="error-message" data-kind={problem.kind}>
      <TriangleAlert className={styles.icon} aria-hidden="true" />
      <div>
        <p className={styles.title}>{t(`problem.${problem.kind}.title`)}</p>
        <p className={styles.remedy}>{t(`problem.${problem.kind}.remedy`)}</p>
        {problem.said && (
          <p className={styles.said}>{t("problem.said", { words: problem.said })}</p>
        )}
        {children}
      </div>
    </div>
  );
}
