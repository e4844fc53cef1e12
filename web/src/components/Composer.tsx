/** Typing a question instead of speaking it. */

import { SendHorizontal } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Button, Form, Input, Text, TextField } from "react-aria-components";
import { useTranslation } from "react-i18next";
import styles from "./Composer.module.css";

interface Props {
  canSend: boolean;
  /** Without a microphone typing is what is left, so it takes the focus. */
  isOnlyWay: boolean;
  /** Tells whether the question was sent. */
  onAsk: (text: string) => Promise<boolean>;
}

export function Composer({ canSend, isOnlyWay, onAsk }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const question = text.trim();

  useEffect(() => {
    if (isOnlyWay) input.current?.focus();
  }, [isOnlyWay]);

  const submit = async () => {
    if (!canSend || question === "") return;
    if (await onAsk(question)) setText("");
  };
  return (
    <Form className={styles.composer ?? ""} onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}>
      <TextField
        className={styles.field ?? ""}
        aria-label={t("composer.label")}
        value={text}
        onChange={setText}
      >
        <Input
          ref={input}
          className={styles.input ?? ""}
          data-testid="chat-input"
          placeholder={t("composer.placeholder")}
          autoComplete="off"
          enterKeyHint="send"
        />
        {!canSend && question !== "" && (
          <Text slot="description" className={styles.waiting}>
            {t("composer.waiting")}
          </Text>
        )}
      </TextField>
      <Button
        type="submit"
        className={styles.send ?? ""}
        data-testid="chat-send"
        aria-label={t("composer.send")}
        isDisabled={!canSend || question === ""}
      >
        <SendHorizontal aria-hidden="true" />
      </Button>
    </Form>
  );
}
