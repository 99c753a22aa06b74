import { MessageSquarePlus, PanelLeft, PanelRight } from 'lucide-react';
import { useEffect, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { IconButton } from '../../design/button.tsx';
import { View } from '../../design/view.tsx';
import { paths } from '../../frame/navigation.ts';
import { useLibrary } from '../../state/queries.ts';
import { AnswerAnnouncer } from './messages/answer-announcer.tsx';
import { ChatBody } from './chat-body.tsx';
import { ConversationList } from './conversations/conversation-list.tsx';
import { ExportMenu } from './conversations/export-menu.tsx';
import { focusComposer } from './focus-composer.ts';
import { ModelPicker } from './model-picker.tsx';
import { SettingsPanel } from './settings/settings-panel.tsx';
import { useChatSettings } from './settings/use-chat-settings.ts';
import { useConversation } from './conversations/use-conversation.ts';
import { useModel } from './use-model.ts';
import { usePanels } from './use-panels.ts';
import { useStopKey } from './use-stop-key.ts';
import './chat.css';
import './markdown/prose.css';

/** Conversations with the models of the library. `conversationId` null: one that has not begun. */
export function ChatView({
  conversationId,
}: {
  readonly conversationId: number | null;
}): ReactNode {
  const { t } = useTranslation('chat');
  const [, navigate] = useLocation();
  const library = useLibrary();
  const query = useConversation(conversationId);
  const conversation = conversationId === null ? null : (query.data ?? null);
  const model = useModel(conversationId, conversation);
  const settings = useChatSettings(conversation, model.artifactId);
  const { panels, toggle } = usePanels();
  useStopKey(conversationId);
  useEffect(focusComposer, [conversationId]);
  const title = conversation?.title ?? '';
  return (
    <View
      isBare
      title={title === '' ? t('newChat') : title}
      tools={
        <IconButton
          label={panels.list ? t('list.hide') : t('list.show')}
          onPress={() => {
            toggle('list');
          }}
        >
          <PanelLeft aria-hidden />
        </IconButton>
      }
      actions={
        <>
          {model.listed.length === 0 ? null : (
            <ModelPicker
              artifacts={model.listed}
              value={model.artifactId}
              onChange={(id) => {
                model.choose(id);
                focusComposer();
              }}
            />
          )}
          {conversation === null ? null : <ExportMenu conversationId={conversation.id} />}
          <IconButton
            label={panels.settings ? t('settings.hide') : t('settings.show')}
            onPress={() => {
              toggle('settings');
            }}
          >
            <PanelRight aria-hidden />
          </IconButton>
          {panels.list ? null : (
            <IconButton
              label={t('newChat')}
              onPress={() => {
                navigate(paths.chat());
              }}
            >
              <MessageSquarePlus aria-hidden />
            </IconButton>
          )}
        </>
      }
    >
      <div className="chat-panes">
        {panels.list ? <ConversationList openId={conversationId} /> : null}
        <div className="chat-middle">
          <ChatBody
            conversationId={conversationId}
            conversation={conversation}
            failure={
              (conversation === null && conversationId !== null ? query.error : null) ??
              (library.data === undefined ? library.error : null)
            }
            onRetry={() => {
              void library.refetch();
              if (conversationId !== null) void query.refetch();
            }}
            model={model}
          />
          <AnswerAnnouncer conversationId={conversationId} artifactId={model.artifactId} />
        </div>
        {panels.settings ? <SettingsPanel settings={settings} /> : null}
      </div>
    </View>
  );
}
