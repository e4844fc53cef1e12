/** What several customers suffer at once: where, since when, in what, and who they are. */

import { useTranslation } from "react-i18next";
import type { components } from "../../api/schema";
import { languageTagOf, timeText, usePageLanguage } from "../../i18n";
import styles from "./AccountFacts.module.css";

interface Props {
  incident: components["schemas"]["IncidentView"];
  /** By the server's clock. */
  now: Date;
}

export function IncidentFacts({ incident, now }: Props) {
  const { t } = useTranslation("join");
  const language = usePageLanguage();
  const { region, begins_at, ends_at, going_on, metrics, accounts } = incident;
  const time = (at: string) => timeText(new Date(at), now, language);
  return (
    <>
      <p className={styles.name} lang={languageTagOf(region)}>
        {region}
      </p>
      <dl className={styles.facts}>
        <Line label={t("incident.since")} values={[time(begins_at)]} />
        {!going_on && <Line label={t("incident.until")} values={[time(ends_at)]} />}
        <Line label={t("incident.metrics")} values={metrics.map((one) => t(`incident.metric.${one}`))} />
        <Line label={t("incident.accounts")} values={accounts} />
      </dl>
    </>
  );
}

function Line({ label, values }: { label: string; values: string[] }) {
  return (
    <div>
      <dt>{label}</dt>
      {values.map((value, place) => (
        <dd key={place} lang={languageTagOf(value)}>
          {value}
        </dd>
      ))}
    </div>
  );
}
