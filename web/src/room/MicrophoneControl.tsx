/** Mute, or choose the microphone. */

import { useLocalParticipant, useMediaDeviceSelect } from "@livekit/components-react";
import { ChevronUp, Mic, MicOff } from "lucide-react";
import { Select } from "react-aria-components";
import { useTranslation } from "react-i18next";
import { Button } from "../ui/Button";
import { Option, Options } from "../ui/Options";
import { microphoneChoices } from "./microphone";
import styles from "./MicrophoneControl.module.css";

interface Props {
  /** False until the room is there to publish into. */
  isReady: boolean;
  hasMicrophone: boolean;
  onMicrophone: (on: boolean) => Promise<void>;
}

export function MicrophoneControl(props: Props) {
  return (
    <div className={styles.microphone}>
      <MuteButton {...props} />
      <MicrophoneSelect />
    </div>
  );
}

function MuteButton({ isReady, hasMicrophone, onMicrophone }: Props) {
  const { t } = useTranslation();
  const { isMicrophoneEnabled } = useLocalParticipant();
  const isOff = isReady && !isMicrophoneEnabled;
  const Icon = isOff ? MicOff : Mic;
  const action = !isOff ? "mute" : hasMicrophone ? "unmute" : "on";
  return (
    <Button
      look={isOff ? "pressed" : "plain"}
      data-testid="mute"
      isDisabled={!isReady}
      onPress={() => void onMicrophone(!isMicrophoneEnabled)}
    >
      <Icon aria-hidden="true" />
      {t(`microphone.${action}`)}
    </Button>
  );
}

function MicrophoneSelect() {
  const { t } = useTranslation();
  const { devices, activeDeviceId, setActiveMediaDevice } = useMediaDeviceSelect({
    kind: "audioinput",
  });
  const choices = microphoneChoices(devices);
  if (choices.length === 0) return null;
  return (
    <Select
      aria-label={t("microphone.label")}
      value={activeDeviceId}
      onChange={(id) => void setActiveMediaDevice(String(id))}
    >
      <Button look="plain" round data-testid="microphone-select">
        <ChevronUp aria-hidden="true" />
      </Button>
      <Options placement="top start">
        {choices.map(({ deviceId, label }) => (
          <Option key={deviceId} id={deviceId} text={label}>
            {label}
          </Option>
        ))}
      </Options>
    </Select>
  );
}
