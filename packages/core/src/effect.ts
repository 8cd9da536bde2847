/** The three answers. `escalate` means: not without a person's approval; enforce it as a denial. */
export const EFFECTS = ['allow', 'deny', 'escalate'] as const;

export type Effect = (typeof EFFECTS)[number];
