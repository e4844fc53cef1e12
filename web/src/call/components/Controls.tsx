/** Mute, choose the microphone, share a screen, hang up. */

import { PhoneOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { MicrophoneControl } from "../../room/MicrophoneControl";
import { Button } from "../../ui/Button";
import type { Screen } from "../useScreen";
import { ScreenControl } from "./ScreenControl";
import styles from "./Controls.module.css";

interface Props {
  /** False until the room is there to publish into. */
  isReady: boolean;
  hasMicrophone: boolean;
  screen: Screen;
  onMicrophone: (on: boolean) => Promise<void>;
  onHangUp: () => void;
}

export function Controls({ onHangUp, screen, ...microphone }: Props) {
  const { t } = useTranslation("call");
  return (
    <div className={styles.controls}>
      <MicrophoneControl {...microphone} />
      <ScreenControl isReady={microphone.isReady} screen={screen} />
      <Button look="danger" data-testid="hang-up" onPress={onHangUp}>
        <PhoneOff aria-hidden="true" />
        {t("control.hang_up")}
      </Button>
    </div>
  );
}
