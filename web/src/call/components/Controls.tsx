/** Mute, choose the microphone, hang up. */

import { useLocalParticipant, useMediaDeviceSelect } from "@livekit/components-react";
import { Check, ChevronUp, Mic, MicOff, PhoneOff } from "lucide-react";
import { ListBox, ListBoxItem, Popover, Select } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Button } from "../../ui/Button";
import { microphoneChoices } from "../microphone";
import styles from "./Controls.module.css";

interface Props {
  /** False until the room is there to publish into. */
  isReady: boolean;
  hasMicrophone: boolean;
  onMicrophone: (on: boolean) => Promise<void>;
  onHangUp: () => void;
}

export function Controls({ isReady, hasMicrophone, onMicrophone, onHangUp }: Props) {
  const { t } = useTranslation("call");
  return (
    <div className={styles.controls}>
      <div className={styles.microphone}>
        <MuteButton isReady={isReady} hasMicrophone={hasMicrophone} onMicrophone={onMicrophone} />
        <MicrophoneSelect />
      </div>
      <Button look="danger" data-testid="hang-up" onPress={onHangUp}>
        <PhoneOff aria-hidden="true" />
        {t("control.hang_up")}
      </Button>
    </div>
  );
}

function MuteButton({ isReady, hasMicrophone, onMicrophone }: Omit<Props, "onHangUp">) {
  const { t } = useTranslation("call");
  const { isMicrophoneEnabled } = useLocalParticipant();
  const isOff = isReady && !isMicrophoneEnabled;
  const Icon = isOff ? MicOff : Mic;
  const action = !isOff ? "mute" : hasMicrophone ? "unmute" : "microphone_on";
  return (
    <Button
      look={isOff ? "pressed" : "plain"}
      data-testid="mute"
      isDisabled={!isReady}
      onPress={() => void onMicrophone(!isMicrophoneEnabled)}
    >
      <Icon aria-hidden="true" />
      {t(`control.${action}`)}
    </Button>
  );
}

function MicrophoneSelect() {
  const { t } = useTranslation("call");
  const { devices, activeDeviceId, setActiveMediaDevice } = useMediaDeviceSelect({
    kind: "audioinput",
  });
  const choices = microphoneChoices(devices);
  if (choices.length === 0) return null;
  return (
    <Select
      aria-label={t("control.microphone")}
      value={activeDeviceId}
      onChange={(id) => void setActiveMediaDevice(String(id))}
    >
      <Button look="plain" round data-testid="microphone-select">
        <ChevronUp aria-hidden="true" />
      </Button>
      <Popover className={styles.popover ?? ""} placement="top start">
        <ListBox className={styles.list ?? ""}>
          {choices.map(({ deviceId, label }) => (
            <ListBoxItem key={deviceId} id={deviceId} textValue={label} className={styles.item ?? ""}>
              <Check aria-hidden="true" />
              {label}
            </ListBoxItem>
          ))}
        </ListBox>
      </Popover>
    </Select>
  );
}
