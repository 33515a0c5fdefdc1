/** The microphone: whether there can be one, which there are, and opening one. */

import { CallProblem, insecureOrigin, microphoneProblem, type Problem } from "../call/problem";

export interface Microphone {
  id: string;
  label: string;
}

/** Why this page can have no microphone at all; null when it can. */
export function microphoneObstacle(): Problem | null {
  if (!window.isSecureContext) return insecureOrigin;
  return "mediaDevices" in navigator ? null : microphoneProblem(new Error("This browser offers pages no microphone."));
}

/** Open the microphone with the browser's echo cancellation, noise suppression and gain control. */
export async function openMicrophone(deviceId: string | null): Promise<MediaStream> {
  const obstacle = microphoneObstacle();
  if (obstacle !== null) throw new CallProblem(obstacle);
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  try {
    const audio = deviceId === null ? wanted : { ...wanted, deviceId: { exact: deviceId } };
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const gone = error instanceof Error && (error.name === "OverconstrainedError" || error.name === "NotFoundError");
    if (gone && deviceId !== null) return openMicrophone(null); // it was unplugged: the default one will do
    throw new CallProblem(microphoneProblem(error));
  }
}

/** List the microphones; without permission the browser tells neither ids nor names, and the list is empty. */
export async function listMicrophones(): Promise<Microphone[]> {
  if (microphoneObstacle() !== null) return [];
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter((device) => device.kind === "audioinput" && device.deviceId !== "" && device.deviceId !== "default")
    .map((device, index) => ({ id: device.deviceId, label: device.label || `Microphone ${index + 1}` }));
}
