/** A problem of a call in words: what happened, what to do about it, and the button that does it. */

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { durationText, usePageLanguage } from "../../i18n";
import { Notice } from "../../ui/Notice";
import type { Problem } from "../../problem";

export function ProblemNotice({ problem, children }: { problem: Problem; children?: ReactNode }) {
  const { t } = useTranslation("call");
  const language = usePageLanguage();
  const { kind, said, waitS } = problem;
  const wait = waitS === undefined ? "" : durationText(waitS, language);
  return (
    <Notice
      title={t(`problem.${kind}.title`)}
      text={said ?? t(`problem.${kind}.remedy`, { wait })}
      kind={kind}
    >
      {children}
    </Notice>
  );
}
