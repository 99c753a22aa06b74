export const get = {
  title: 'Get a model',
} as const;
