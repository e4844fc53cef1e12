/** Typing a question instead of speaking it. */

import { SendHorizontal } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { Form } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Field";

interface Props {
  canSend: boolean;
  /** Without a microphone typing is what is left, so it takes the focus. */
  isOnlyWay: boolean;
  /** Tells whether the question was sent. */
  onAsk: (text: string) => Promise<boolean>;
}

export function Composer({ canSend, isOnlyWay, onAsk }: Props) {
  const { t } = useTranslation("call");
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const question = text.trim();
  const isWaiting = !canSend && question !== "";

  useEffect(() => {
    if (isOnlyWay) input.current?.focus();
  }, [isOnlyWay]);

  const submit = async () => {
    if (!canSend || question === "") return;
    if (await onAsk(question)) setText("");
  };
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field
        label={t("composer.label")}
        placeholder={t("composer.placeholder")}
        help={isWaiting ? t("composer.waiting") : undefined}
        value={text}
        onChange={setText}
        inputRef={input}
        autoComplete="off"
        enterKeyHint="send"
        data-testid="chat-input"
        button={
          <Button
            look="bare"
            round
            type="submit"
            data-testid="chat-send"
            aria-label={t("composer.send")}
            isDisabled={!canSend || question === ""}
          >
            <SendHorizontal aria-hidden="true" />
          </Button>
        }
      />
    </Form>
  );
}
