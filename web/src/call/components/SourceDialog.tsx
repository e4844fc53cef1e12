/** One entry of the knowledge base, as its authors wrote it. */

import { useQuery } from "@tanstack/react-query";
import { Image } from "lucide-react";
import { useTranslation } from "react-i18next";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { type Entry, fetchEntry, type Grant } from "../../api/client";
import { languageTagOf, usePageLanguage } from "../../i18n";
import { Button } from "../../ui/Button";
import { Dialog } from "../../ui/Dialog";
import type { Citation } from "../../room/conversation";
import { ProblemError } from "../../problem";
import { ProblemNotice } from "./ProblemNotice";
import styles from "./SourceDialog.module.css";

interface Props {
  /** Of the call that cites it; none before the first call. */
  grant: Grant | undefined;
  citation: Citation | undefined;
  onClose: () => void;
}

export function SourceDialog({ grant, citation, onClose }: Props) {
  return (
    <Dialog
      isOpen={citation !== undefined}
      title={citation?.title ?? ""}
      onClose={onClose}
      data-testid="source-dialog"
    >
      {grant && citation && <EntryText grant={grant} citation={citation} />}
    </Dialog>
  );
}

function EntryText({ grant, citation }: { grant: Grant; citation: Citation }) {
  const { t } = useTranslation("call");
  const { id, version } = citation;
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["entry", grant.call_id, id, version],
    queryFn: ({ signal }) => fetchEntry(grant, id, version, signal),
    // A version never changes, and one that failed is asked for again by the customer.
    staleTime: Infinity,
    retry: false,
  });
  if (isPending) {
    return (
      <p className={styles.loading} role="status">
        {t("source.loading")}
      </p>
    );
  }
  if (error) {
    const problem =
      error instanceof ProblemError ? error.problem : ({ kind: "entry_unreachable" } as const);
    return (
      <ProblemNotice problem={problem}>
        <Button look="quiet" onPress={() => void refetch()}>
          {t("retry")}
        </Button>
      </ProblemNotice>
    );
  }
  return (
    <>
      <p className={styles.opening} lang={languageTagOf(data.opening)}>
        {data.opening}
      </p>
      <div className={styles.body} lang={languageTagOf(data.body)}>
        <Markdown remarkPlugins={[remarkGfm]} components={{ a: OutsideLink, img: Picture }}>
          {data.body}
        </Markdown>
      </div>
      <Facts entry={data} />
    </>
  );
}

const FIELDS = [
  "scenario",
  "region",
  "topic",
  "product",
  "platform",
  "error_codes",
  "source",
] as const;

/** What the entry is about; the codes of its front matter by the names that the knowledge base has for them. */
function Facts({ entry }: { entry: Entry }) {
  const { t } = useTranslation("call");
  const language = usePageLanguage();
  const facts = FIELDS.map((field) => {
    const nameOf = (code: string) => entry.names[field]?.[code]?.[language] ?? code;
    return { field, text: [entry[field]].flat().map(nameOf).join(t("source.and")) };
  });
  return (
    <dl className={styles.facts}>
      {facts
        .filter(({ text }) => text !== "")
        .map(({ field, text }) => (
          <div key={field}>
            <dt>{t(`source.field.${field}`)}</dt>
            <dd lang={languageTagOf(text)}>{text}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A link must not carry the customer out of the call. */
function OutsideLink({ href, children }: React.ComponentProps<"a">) {
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}

/** By its description: fetching it would tell the host of the picture who is calling. */
function Picture({ alt, src }: React.ComponentProps<"img">) {
  const { t } = useTranslation("call");
  const file = typeof src === "string" ? src.split("/").at(-1) : undefined;
  const name = alt !== undefined && alt !== "" ? alt : (file ?? "");
  return (
    <span className={styles.picture}>
      <Image aria-hidden="true" /> {t("source.picture", { name })}
    </span>
  );
}
