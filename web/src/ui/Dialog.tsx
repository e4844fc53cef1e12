/** A dialog: a sheet from below on a phone, a panel beside the page elsewhere. */

import { X } from "lucide-react";
import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { languageTagOf } from "../i18n";
import { Button } from "./Button";
import { classes } from "./classes";
import styles from "./Dialog.module.css";

interface Props {
  isOpen: boolean;
  title: string;
  onClose: () => void;
  children: ReactNode;
  "data-testid": string;
}

export function Dialog({ isOpen, title, onClose, children, ...rest }: Props) {
  const { t } = useTranslation();
  const changed = (opens: boolean) => {
    if (!opens) onClose();
  };
  return (
    <ModalOverlay
      className={classes(styles.overlay)}
      isDismissable
      isOpen={isOpen}
      onOpenChange={changed}
    >
      <Modal className={classes(styles.modal)}>
        <AriaDialog className={classes(styles.dialog)} data-testid={rest["data-testid"]}>
          <div className={styles.head}>
            <Heading slot="title" lang={languageTagOf(title)}>
              {title}
            </Heading>
            <Button look="plain" round slot="close" aria-label={t("close")}>
              <X aria-hidden="true" />
            </Button>
          </div>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
