/** Who calls, and what is known of their account, each value with who said it and when. */

import { useTranslation } from "react-i18next";
import type { Page } from "../../api/client";
import type { components } from "../../api/schema";
import { dayText, languageTagOf, usePageLanguage } from "../../i18n";
import en from "../../messages/en/join.json";
import styles from "./AccountFacts.module.css";

type Fact = components["schemas"]["FactView"];

export function AccountFacts({ page: { account, contact, ticket } }: { page: Page }) {
  const { t } = useTranslation("join");
  const reach = ticket.reach !== "" && <Line label={t("account.reach")} value={ticket.reach} />;
  if (!account) {
    return (
      <>
        <p className={styles.nothing}>{t("account.guest")}</p>
        {reach && <dl className={styles.facts}>{reach}</dl>}
      </>
    );
  }
  const { id, name, owner, facts } = account;
  return (
    <>
      <p className={styles.name} lang={languageTagOf(name || id)}>
        {name || id}
      </p>
      <dl className={styles.facts}>
        {contact !== "" && <Line label={t("account.contact")} value={contact} />}
        {reach}
        {owner !== "" && <Line label={t("account.owner")} value={owner} />}
        {facts.map((fact) => (
          <FactLine key={fact.field} fact={fact} />
        ))}
      </dl>
      {facts.length === 0 && <p className={styles.nothing}>{t("account.unknown")}</p>}
    </>
  );
}

function FactLine({ fact: { field, value, source, who, said_at } }: { fact: Fact }) {
  const { t } = useTranslation("join");
  const day = dayText(new Date(said_at), usePageLanguage());
  const said = { source: t(`account.source.${source}`), who, day };
  return (
    <Line
      label={isNamed(field) ? t(`account.field.${field}`) : field}
      value={Array.isArray(value) ? value.join(t("account.and")) : value}
      note={t(who === "" ? "account.said" : "account.said_by", said)}
    />
  );
}

/** A field that is newer than this page goes by its own name. */
function isNamed(field: string): field is keyof typeof en.account.field {
  return field in en.account.field;
}

function Line({ label, value, note }: { label: string; value: string; note?: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <span lang={languageTagOf(value)}>{value}</span>
        {note !== undefined && <span className={styles.note}>{note}</span>}
      </dd>
    </div>
  );
}
