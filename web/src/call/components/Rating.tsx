/** What a customer thinks of their call: five steps, and a word with them if they like. */

import { Star } from "lucide-react";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Label, RadioButton, RadioField, RadioGroup } from "react-aria-components";
import { type Grant, rateCall } from "../../api/client";
import { Button } from "../../ui/Button";
import { classes } from "../../ui/classes";
import { Field } from "../../ui/Field";
import styles from "./Rating.module.css";

const STEPS = [1, 2, 3, 4, 5] as const;
const LONGEST_COMMENT = 1_000;

export function Rating({ grant }: { grant: Grant }) {
  const { t } = useTranslation("call");
  const [rating, setRating] = useState(0);
  const [comment, setComment] = useState("");
  const [told, setTold] = useState<"" | "kept" | "failed">("");
  const input = useRef<HTMLInputElement>(null);
  const send = async (steps: number, words: string) => {
    setTold(await rateCall(grant, steps, words).then(() => "kept", () => "failed"));
  };
  return (
    <form
      className={styles.rating}
      data-testid="rating"
      onSubmit={(event) => {
        event.preventDefault();
        void send(rating, comment);
      }}
    >
      <RadioGroup
        className={classes(styles.steps)}
        value={String(rating)}
        onChange={(value) => {
          setRating(Number(value));
          void send(Number(value), comment);
        }}
      >
        <Label>{t("rating.label")}</Label>
        <div className={styles.stars}>
          {STEPS.map((step) => (
            <RadioField key={step} value={String(step)} aria-label={t("rating.step", { step })}>
              <RadioButton className={classes(styles.step, step <= rating && styles.chosen)}>
                <Star aria-hidden="true" />
              </RadioButton>
            </RadioField>
          ))}
        </div>
      </RadioGroup>
      {rating > 0 && (
        <Field
          label={t("rating.comment")}
          placeholder={t("rating.comment")}
          value={comment}
          onChange={setComment}
          maxLength={LONGEST_COMMENT}
          help={undefined}
          inputRef={input}
          button={
            <Button look="bare" type="submit" isDisabled={comment.trim() === ""}>
              {t("rating.send")}
            </Button>
          }
        />
      )}
      <p role="status" className={styles.told}>
        {told !== "" && t(`rating.${told}`)}
      </p>
    </form>
  );
}
