/** One entry of the knowledge base, as its authors wrote it: a sheet on a phone, a panel beside the call elsewhere. */

import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { Button, Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { useTranslation } from "react-i18next";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { type Entry, fetchEntry } from "../api/client";
import type { Citation } from "../call/conversation";
import { languageTagOf, usePageLanguage } from "../i18n";
import { ProblemError } from "../problem";
import { Notice } from "./Notice";
import styles from "./SourceDialog.module.css";

interface Props {
  citation: Citation | undefined;
  onClose: () => void;
}

export function SourceDialog({ citation, onClose }: Props) {
  const { t } = useTranslation();
  const close = (isOpen: boolean) => {
    if (!isOpen) onClose();
  };
  return (
    <ModalOverlay
      className={styles.overlay ?? ""}
      isDismissable
      isOpen={citation !== undefined}
      onOpenChange={close}
    >
      <Modal className={styles.modal ?? ""}>
        <Dialog className={styles.dialog ?? ""} data-testid="source-dialog">
          {citation && (
            <>
              <div className={styles.head}>
                <Heading slot="title" lang={languageTagOf(citation.title)}>
                  {citation.title}
                </Heading>
                <Button className="button round" slot="close" aria-label={t("source.close")}>
                  <X aria-hidden="true" />
                </Button>
              </div>
              <EntryText id={citation.id} version={citation.version} />
            </>
          )}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function EntryText({ id, version }: { id: string; version: number }) {
  const { t } = useTranslation();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ["entry", id, version],
    queryFn: ({ signal }) => fetchEntry(id, version, signal),
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
      <Notice problem={problem}>
        <Button className="button quiet" onPress={() => void refetch()}>
          {t("source.retry")}
        </Button>
      </Notice>
    );
  }
  return (
    <>
      <p className={styles.opening} lang={languageTagOf(data.opening)}>
        {data.opening}
      </p>
      <div className={styles.body} lang={languageTagOf(data.body)}>
        <Markdown remarkPlugins={[remarkGfm]} components={{ a: OutsideLink }}>
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
  const { t } = useTranslation();
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
