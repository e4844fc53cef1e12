/** Keeps a fault in one part of a page from leaving the whole page blank. */

import { Component, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";
import { Notice } from "./Notice";

interface Props {
  children: ReactNode;
}

interface State {
  broken: boolean;
}

export class ErrorBoundary extends Component<Props, State> {
  override state: State = { broken: false };

  static getDerivedStateFromError(): State {
    return { broken: true };
  }

  override render(): ReactNode {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}

function Broken() {
  const { t } = useTranslation();
  return (
    <main className="container">
      <Notice title={t("broken.title")} text={t("broken.text")} kind="broken">
        <Button
          look="quiet"
          onPress={() => {
            location.reload();
          }}
        >
          {t("broken.reload")}
        </Button>
      </Notice>
    </main>
  );
}
