/** Where one stands, in words; told to a screen reader, too, when it changes. */

import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { timeText, usePageLanguage } from "../../i18n";
import type { JoinControl } from "../useJoin";
import styles from "./Standing.module.css";

interface Props {
  join: JoinControl;
  isBriefed: boolean;
}

export function Standing({ join: { state, page, now }, isBriefed }: Props) {
  const { t } = useTranslation("join");
  const language = usePageLanguage();
  const heading = useRef<HTMLHeadingElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    // What was pressed is gone with the state that it ended.
    if (!isFirst.current) {
      heading.current?.focus();
      // It may have the focus already, and be far above what was last read.
      heading.current?.scrollIntoView();
    }
    isFirst.current = state === "loading";
  }, [state]);

  const callback = page?.ticket.callback_at ?? null;
  const words =
    state === "over" && callback !== null
      ? "over_callback"
      : state === "in_room" && isBriefed
        ? "introduced"
        : state;
  const values = {
    name: page?.ticket.person.name ?? "",
    time: callback === null ? "" : timeText(new Date(callback), now, language),
  };
  return (
    <div className={styles.standing} role="status" data-testid="join-state" data-state={state}>
      <h1 ref={heading} tabIndex={-1}>
        {t(`state.${words}.title`, values)}
      </h1>
      <p>{t(`state.${words}.text`, values)}</p>
    </div>
  );
}
