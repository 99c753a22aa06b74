import { chat } from './chat.ts';
import { common } from './everywhere.ts';
import { compare } from './compare.ts';
import { details } from './details.ts';
import { errors } from './errors.ts';
import { get } from './get.ts';
import { home } from './home.ts';
import { jobs } from './jobs.ts';
import { library } from './library.ts';
import { schemes } from './schemes.ts';
import { settings } from './settings.ts';

/** All texts, one namespace per view. */
export const de = {
  chat,
  common,
  compare,
  details,
  errors,
  get,
  home,
  jobs,
  library,
  schemes,
  settings,
} as const;
