/** Mute, choose the microphone, hang up. */

import { PhoneOff } from "lucide-react";
import { useTranslation } from "react-i18next";
import { MicrophoneControl } from "../../room/MicrophoneControl";
import { Button } from "../../ui/Button";
import styles from "./Controls.module.css";

interface Props {
  /** False until the room is there to publish into. */
  isReady: boolean;
  hasMicrophone: boolean;
  onMicrophone: (on: boolean) => Promise<void>;
  onHangUp: () => void;
}

export function Controls({ onHangUp, ...microphone }: Props) {
  const { t } = useTranslation("call");
  return (
    <div className={styles.controls}>
      <MicrophoneControl {...microphone} />
      <Button look="danger" data-testid="hang-up" onPress={onHangUp}>
        <PhoneOff aria-hidden="true" />
        {t("control.hang_up")}
      </Button>
    </div>
  );
}
