import { useQuery } from '@tanstack/react-query';
import { Download, MessageSquarePlus, MessageSquare, Info, Keyboard, SunMoon } from 'lucide-react';
import type { ReactNode } from 'react';
import {
  Autocomplete,
  Dialog,
  Header,
  Menu,
  MenuItem,
  MenuSection,
  Modal,
  ModalOverlay,
  useFilter,
} from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { engine } from '../bridge.ts';
import { DamageMark } from '../design/damage-mark.tsx';
import { SearchField } from '../design/fields.tsx';
import { queryKeys, useLibrary, useUpdateSettings } from '../state/queries.ts';
import { useStore } from '../state/store.ts';
import { keyName } from './keys.ts';
import { paths, views } from './navigation.ts';
import { overlay } from './shell-state.ts';

/** Chats that the palette lists; older ones are found by the search of the chat view. */
const LISTED_CHATS = 30;

interface Command {
  readonly id: string;
  readonly label: string;
  readonly icon: ReactNode;
  readonly keys?: string;
  readonly run: () => void;
}
interface CommandGroup {
  readonly id: string;
  readonly label: string;
  readonly commands: readonly Command[];
}

function useCommands(): readonly CommandGroup[] {
  const { t } = useTranslation();
  const [, navigate] = useLocation();
  const { data: library } = useLibrary();
  const { mutate: updateSettings } = useUpdateSettings();
  const { data: chats } = useQuery({
    queryKey: queryKeys.conversations,
    queryFn: () => engine.conversations({}),
  });
  const go = (path: string) => (): void => {
    navigate(path);
  };
  return [
    {
      id: 'actions',
      label: t('palette.actions'),
      commands: [
        {
          id: 'new-chat',
          label: t('palette.newChat'),
          icon: <MessageSquarePlus aria-hidden />,
          keys: keyName('N'),
          run: go(paths.chat()),
        },
        {
          id: 'get',
          label: t('palette.getModel'),
          icon: <Download aria-hidden />,
          run: go(paths.get()),
        },
        {
          id: 'shortcuts',
          label: t('palette.shortcuts'),
          icon: <Keyboard aria-hidden />,
          keys: '?',
          run: () => overlay.write('shortcuts'),
        },
        ...(['light', 'dark', 'system'] as const).map((theme) => ({
          id: `theme-${theme}`,
          label: t(
            (
              {
                light: 'palette.themeLight',
                dark: 'palette.themeDark',
                system: 'palette.themeSystem',
              } as const
            )[theme],
          ),
          icon: <SunMoon aria-hidden />,
          run: () => {
            updateSettings({ theme });
          },
        })),
      ],
    },
    {
      id: 'views',
      label: t('palette.go'),
      commands: views.map(({ id, path, icon: Icon }, index) => ({
        id: `view-${id}`,
        label: t('title', { ns: id }),
        icon: <Icon aria-hidden />,
        keys: `Alt ${index + 1}`,
        run: go(path),
      })),
    },
    {
      id: 'models',
      label: t('palette.models'),
      commands: (library?.artifacts ?? []).flatMap(({ artifact, damagedFiles }) => [
        {
          id: `chat-with-${artifact.id}`,
          label: t('palette.chatWith', { name: artifact.name }),
          icon: damagedFiles.length > 0 ? <DamageMark /> : <MessageSquarePlus aria-hidden />,
          run: go(paths.chatWith(artifact.id)),
        },
        {
          id: `details-${artifact.id}`,
          label: t('palette.details', { name: artifact.name }),
          icon: damagedFiles.length > 0 ? <DamageMark /> : <Info aria-hidden />,
          run: go(paths.details(artifact.id)),
        },
      ]),
    },
    {
      id: 'chats',
      label: t('palette.chats'),
      commands: (chats ?? []).slice(0, LISTED_CHATS).map((chat) => ({
        id: `chat-${chat.id}`,
        label: chat.title,
        icon: <MessageSquare aria-hidden />,
        run: go(paths.chat(chat.id)),
      })),
    },
  ];
}

function PaletteContent(): ReactNode {
  const { t } = useTranslation();
  const { contains } = useFilter({ sensitivity: 'base' });
  const groups = useCommands().filter((group) => group.commands.length > 0);
  const commands = new Map(
    groups.flatMap((group) => group.commands).map((command) => [command.id, command]),
  );
  return (
    <div className="palette">
      <Autocomplete filter={contains}>
        <SearchFieldInPalette label={t('palette.placeholder')} />
        {/* The menu is walked through from the field; what scrolls must be reachable by itself, too. */}
        <div className="palette-list" role="region" tabIndex={0} aria-label={t('palette.title')}>
          <Menu
            className="menu"
            aria-label={t('palette.title')}
            renderEmptyState={() => <div className="menu-heading">{t('palette.empty')}</div>}
            onAction={(key) => {
              overlay.write(null);
              commands.get(String(key))?.run();
            }}
          >
            {groups.map((group) => (
              <MenuSection key={group.id} id={group.id}>
                <Header className="menu-heading">{group.label}</Header>
                {group.commands.map((command) => (
                  <MenuItem
                    key={command.id}
                    id={command.id}
                    textValue={command.label}
                    className="menu-item"
                  >
                    {command.icon}
                    <span className="ellipsis">{command.label}</span>
                    {command.keys === undefined ? null : (
                      <span className="end">{command.keys}</span>
                    )}
                  </MenuItem>
                ))}
              </MenuSection>
            ))}
          </Menu>
        </div>
      </Autocomplete>
    </div>
  );
}

/** The field's value belongs to the Autocomplete around it. */
function SearchFieldInPalette({ label }: { readonly label: string }): ReactNode {
  return <SearchField label={label} autoFocus />;
}

/** Every action, model and chat by name. */
export function Palette(): ReactNode {
  const { t } = useTranslation();
  const open = useStore(overlay) === 'palette';
  return (
    <ModalOverlay
      className="backdrop top"
      isDismissable
      isOpen={open}
      onOpenChange={(next) => {
        overlay.write(next ? 'palette' : null);
      }}
    >
      <Modal className="modal">
        <Dialog className="dialog" aria-label={t('palette.title')}>
          <PaletteContent />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
