export const details = {
  title: 'Model',
} as const;
