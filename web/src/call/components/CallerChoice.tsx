/** Where there is the demo: whom of its customers one calls as. A guest, unless one chooses. */

import { ChevronDown } from "lucide-react";
import { Label, Select, SelectValue, Text } from "react-aria-components";
import { useTranslation } from "react-i18next";
import type { DemoContact } from "../../api/client";
import { languageTagOf } from "../../i18n";
import { Button } from "../../ui/Button";
import { Option, Options } from "../../ui/Options";
import { useDemoContacts } from "../useDemoContacts";
import styles from "./CallerChoice.module.css";

interface Props {
  /** Absent: a guest. */
  caller: DemoContact | undefined;
  onCaller: (caller: DemoContact | undefined) => void;
}

const GUEST = "guest";

export function CallerChoice({ caller, onCaller }: Props) {
  const { t } = useTranslation("call");
  const contacts = useDemoContacts();
  if (contacts.length === 0) return null;
  // In the language of the page, which may have changed since.
  const chosen = contacts.find((one) => caller && idOf(one) === idOf(caller));
  const choose = (id: unknown) => {
    onCaller(contacts.find((one) => idOf(one) === id));
  };
  return (
    <Select className={styles.choice ?? ""} value={chosen ? idOf(chosen) : GUEST} onChange={choose}>
      <Label className={styles.label ?? ""}>{t("caller.label")}</Label>
      <Button look="quiet" data-testid="caller">
        <SelectValue className={styles.value ?? ""}>
          {() => (chosen ? <Name contact={chosen} /> : t("caller.guest"))}
        </SelectValue>
        <ChevronDown aria-hidden="true" />
      </Button>
      <Text slot="description" className={styles.means ?? ""}>
        {chosen?.story ?? t("caller.help")}
      </Text>
      <Options placement="bottom start">
        <Option id={GUEST} text={t("caller.guest")}>
          <Text slot="label">{t("caller.guest")}</Text>
          <Text slot="description" className={styles.story ?? ""}>
            {t("caller.guest_means")}
          </Text>
        </Option>
        {contacts.map((contact) => (
          <Option key={idOf(contact)} id={idOf(contact)} text={t("caller.of", contact)}>
            <Text slot="label">
              <Name contact={contact} />
            </Text>
            <Text slot="description" className={styles.story ?? ""}>
              {contact.story}
            </Text>
          </Option>
        ))}
      </Options>
    </Select>
  );
}

function Name({ contact: { name, company } }: { contact: DemoContact }) {
  return (
    <>
      <span lang={languageTagOf(name)}>{name}</span> <span className={styles.company}>{company}</span>
    </>
  );
}

function idOf({ account, contact }: DemoContact): string {
  return `${account} ${contact}`;
}
