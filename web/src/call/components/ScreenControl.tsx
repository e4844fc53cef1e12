/** Share a screen, or share it no more; nothing where the browser cannot. */

import { MonitorOff, MonitorUp } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button";
import type { Screen } from "../useScreen";

interface Props {
  /** False until the room is there to publish into. */
  isReady: boolean;
  screen: Screen;
}

export function ScreenControl({ isReady, screen }: Props) {
  const { t } = useTranslation("call");
  if (!screen.canShare) return null;
  const Icon = screen.isShared ? MonitorOff : MonitorUp;
  return (
    <Button
      look={screen.isShared ? "pressed" : "plain"}
      data-testid="share-screen"
      isDisabled={!isReady}
      onPress={() => void screen.share(!screen.isShared)}
    >
      <Icon aria-hidden="true" />
      {t(screen.isShared ? "screen.stop" : "screen.share")}
    </Button>
  );
}
