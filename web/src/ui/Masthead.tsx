/** The top of every page: the seal, the name, what the page adds to it, and the language switch. */

import type { ReactNode } from "react";
import { type Key, ToggleButton, ToggleButtonGroup } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { LANGUAGE_NAMES, LANGUAGES, usePageLanguage } from "../i18n";
import styles from "./Masthead.module.css";
import { Seal } from "./Seal";

interface Props {
  /** What the page is, below the name. */
  subtitle: string;
  children?: ReactNode;
}

export function Masthead({ subtitle, children }: Props) {
  const { t } = useTranslation();
  return (
    <header className={`container ${styles.masthead ?? ""}`}>
      <Seal />
      <p className={styles.brand}>
        <span className={styles.name}>{t("brand")}</span>
        <span className={styles.role}>{subtitle}</span>
      </p>
      {children}
      <LanguageSwitch />
    </header>
  );
}

function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  const language = usePageLanguage();
  const choose = (keys: Set<Key>) => {
    for (const key of keys) void i18n.changeLanguage(String(key));
  };
  return (
    <ToggleButtonGroup
      className={styles.languages}
      aria-label={t("language.label")}
      disallowEmptySelection
      selectedKeys={[language]}
      onSelectionChange={choose}
    >
      {LANGUAGES.map((id) => (
        <ToggleButton key={id} id={id} data-testid={`language-${id}`} className={styles.language}>
          <span lang={LANGUAGE_NAMES[id].tag}>{LANGUAGE_NAMES[id].name}</span>
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
}
