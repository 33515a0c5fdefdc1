/** The page's few pictures, drawn in the text's colour. */

import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
      {children}
    </svg>
  );
}

export function Wordmark() {
  return (
    <svg className="mark" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2.4" strokeLinecap="round" aria-hidden="true">
      <path d="M3 10v4M7.5 6.5v11M12 3v18M16.5 7.5v9M21 10.5v3" />
    </svg>
  );
}

export const MicrophoneIcon = () => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </Icon>
);

export const MutedIcon = () => (
  <Icon>
    <path d="M15 10.5V6a3 3 0 0 0-5.8-1M9 9.5V11a3 3 0 0 0 4.6 2.5M5.5 11.5a6.5 6.5 0 0 0 10.2 5.3M18.5 11.5a6.5 6.5 0 0 1-.6 2.7M12 18v3M4 4l16 16" />
  </Icon>
);

export const HangUpIcon = () => (
  <Icon>
    <path d="M3.2 14.6c-.9-1-.7-2.6.4-3.4a14.4 14.4 0 0 1 16.8 0c1.1.8 1.3 2.4.4 3.4l-.9 1a1.6 1.6 0 0 1-1.9.4l-2-1a1.6 1.6 0 0 1-.9-1.5v-1.7a12 12 0 0 0-6.2 0v1.7c0 .6-.3 1.2-.9 1.5l-2 1a1.6 1.6 0 0 1-1.9-.4z" />
  </Icon>
);

export const SendIcon = () => (
  <Icon>
    <path d="M12 19V5M6 11l6-6 6 6" />
  </Icon>
);

export const DownloadIcon = () => (
  <Icon>
    <path d="M12 4v11M7.5 10.5 12 15l4.5-4.5M5 19.5h14" />
  </Icon>
);

export const ToolIcon = () => (
  <Icon>
    <path d="M14.6 6.4a4 4 0 0 0-5.3 5L4 16.7 7.3 20l5.3-5.3a4 4 0 0 0 5-5.3L15 12l-3-3z" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m6 6 12 12M18 6 6 18" />
  </Icon>
);

export const LightIcon = () => (
  <Icon>
    <path d="M9 17.5h6M10 21h4M12 3a6 6 0 0 0-3.6 10.8c.7.6 1.1 1.3 1.2 2.2h4.8c.1-.9.5-1.6 1.2-2.2A6 6 0 0 0 12 3z" />
  </Icon>
);

export const LockIcon = () => (
  <Icon>
    <rect x="5" y="11" width="14" height="9" rx="2.5" />
    <path d="M8.5 11V7.5a3.5 3.5 0 0 1 7 0V11M12 14.5v2" />
  </Icon>
);

export const OvenIcon = () => (
  <Icon>
    <rect x="4" y="4" width="16" height="16" rx="2.5" />
    <path d="M4 9h16M7.5 6.5h.01M11 6.5h.01M8 12.5h8v4H8z" />
  </Icon>
);

export const DeviceIcon = () => (
  <Icon>
    <rect x="5" y="5" width="14" height="14" rx="3" />
    <path d="M12 9v6M9 12h6" />
  </Icon>
);
