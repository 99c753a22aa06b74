import type { ErrorReason } from '../../../app/contract/error-reasons.ts';

/** What happened, and what to type or do; `remedy` is empty where nothing helps. */
export interface Words {
  readonly what: string;
  readonly remedy: string;
}

/** Words for the terminal, one entry per reason, which does not compile without them; facts stand in double braces. */
export const reasons: Readonly<Record<ErrorReason, Words> & Record<string, Words>> = {
  'already-quantized': {
    what: 'The weights are already quantized ({{method}}). Nibble quantizes from the original 16-bit or 32-bit weights.',
    remedy: 'Use the original model that it was made from.',
  },
  'artifact-damaged': {
    what: '{{id}} was made before, but {{file}} in {{folder}} is missing or damaged.',
    remedy: 'Remove it (nibble remove {{id}}), then run the same command again.',
  },
  'artifact-newer': {
    what: '{{folder}} was made by Nibble {{version}}; this is {{ownVersion}}.',
    remedy: 'Update Nibble to use it. The folder is kept as it is.',
  },
  'bad-config-value': {
    what: "config.json gives {{field}} the value {{value}}, which can't be right.",
    remedy: 'Get it again (nibble pull <repository>), or use another model.',
  },
  'chat-template-ambiguous': {
    what: 'The model has several chat templates and none of them is the default: {{names}}.',
    remedy: 'Use another model: nibble search <name>.',
  },
  'chat-template-failed': {
    what: "The model's chat template fails at line {{line}}: {{detail}}.",
    remedy: 'Use another model: nibble search <name>.',
  },
  'chat-template-limit': {
    what: "The model's chat template needs more than is allowed ({{limit}}, line {{line}}).",
    remedy: 'Use another model: nibble search <name>.',
  },
  'chat-template-refused': {
    what: "The model's chat template refuses this conversation: {{detail}}.",
    remedy: 'Change the conversation or --system.',
  },
  'chat-template-syntax': {
    what: "The model's chat template has a syntax error at line {{line}}: {{detail}}.",
    remedy: 'Use another model: nibble search <name>.',
  },
  'checkpoint-changed': {
    what: 'The files of {{name}} in {{folder}} are no longer those in the library.',
    remedy:
      'Use the folder itself as the source: what it holds now becomes a checkpoint of its own.',
  },
  'checkpoint-damaged': {
    what: '{{file}} of {{id}} has changed on disk or is missing, in {{folder}}.',
    remedy:
      'Remove it (nibble remove {{id}}) and get it again, or restore the file and run: nibble verify {{id}}',
  },
  'checkpoint-not-runnable': {
    what: "{{id}} is a checkpoint, which doesn't run by itself.",
    remedy:
      'Make a version of it: nibble quantize {{id}} --scheme nf4-dq. Versions there are: nibble list.',
  },
  'context-overflow': {
    what: 'The conversation takes {{promptTokens}} tokens; the context of this model holds {{contextTokens}}.',
    remedy: 'Shorten the prompt, or give more room: --context <tokens>.',
  },
  'context-too-long': {
    what: 'A context of {{asked}} tokens is set, but this model can take at most {{limit}}.',
    remedy: 'Choose at most --context {{limit}}.',
  },
  'damaged-header': {
    what: 'The header of {{file}} is damaged.',
    remedy: 'Download it again: nibble pull <repository>.',
  },
  'different-vocabularies': {
    what: "{{first}} and {{second}} cut text into different tokens, so they can't be compared token by token.",
    remedy: 'Compare versions of the same model: nibble list.',
  },
  'engine-hung': {
    what: "Nibble's engine gave no sign of life for {{seconds}} and was started again.",
    remedy: 'Run the same command again.',
  },
  'engine-silent': {
    what: "Nibble's engine did not start within {{seconds}}.",
    remedy: 'Run the same command again when the computer is less busy.',
  },
  'file-cut-short': {
    what: '{{file}} has {{bytes}} but must have {{expected}}: it ends too early.',
    remedy: 'Download it again: nibble pull <repository>.',
  },
  'files-unreachable': {
    what: "The folder of {{id}} isn't there: {{folder}}.",
    remedy:
      'Connect its disk or move it back. If it is gone, remove the entry (nibble remove {{id}}) and make or get it again.',
  },
  'gguf-only': {
    what: '{{path}} holds GGUF weights, which are already quantized. Nibble quantizes from the original safetensors.',
    remedy: 'Find the original model: nibble search <name>.',
  },
  'home-is-a-file': {
    what: "{{path}} is a file, so {{folder}} can't be Nibble's folder.",
    remedy: 'Choose another folder with --home or NIBBLE_HOME.',
  },
  'home-no-permission': {
    what: 'Nibble may not write to its folder {{folder}}, which it needs for every command.',
    remedy: 'Change its permissions, or choose another folder with --home or NIBBLE_HOME.',
  },
  'home-read-only': {
    what: "Nibble's folder {{folder}} is on a read-only disk, but every command needs to write there.",
    remedy:
      'Make the disk writable, or choose another folder with --home or NIBBLE_HOME; models in this one can be added there: nibble add FOLDER.',
  },
  'hub-too-slow': {
    what: '{{host}} did not finish answering within {{seconds}}.',
    remedy: 'Run the same command again later; what is downloaded is kept.',
  },
  'hub-unreachable': {
    what: "{{host}} can't be reached. {{cause}}",
    remedy: 'Check the network and HF_ENDPOINT, then run the same command again.',
  },
  'in-use': {
    what: '{{subject}} is in use by another process ({{process}} on {{computer}}).',
    remedy: 'Wait until it is done, or end that process, then run the same command again.',
  },
  'json-duplicate-key': {
    what: '{{file}} has the key {{key}} twice in one object, so its meaning is unclear.',
    remedy: 'Get it again (nibble pull <repository>), or use another model.',
  },
  'json-not-object': {
    what: '{{file}} must hold a JSON object, but what it holds is of the type {{found}}.',
    remedy: 'Get it again (nibble pull <repository>), or use another model.',
  },
  'json-too-complex': {
    what: '{{file}} is nested more deeply or has more values than any real file of its kind.',
    remedy: 'Use another model: nibble search <name>.',
  },
  'json-too-large': {
    what: '{{file}} has {{bytes}}; Nibble reads at most {{limit}} of such a file.',
    remedy: 'Use another model: nibble search <name>.',
  },
  'lfs-pointer': {
    what: '{{file}} is only a Git LFS pointer: the file itself was never downloaded.',
    remedy: 'Run git lfs pull in that folder, or download the model: nibble pull <repository>.',
  },
  'link-leaves-folder': {
    what: "{{file}} is a link to a place outside {{folder}}. Nibble doesn't follow it.",
    remedy: 'Copy the folder with its links resolved (cp -rL), then use the copy.',
  },
  'logits-not-finite': {
    what: "The model computes values that aren't numbers (NaN or infinite).",
    remedy: 'Check its files: nibble verify <id>.',
  },
  'missing-file': {
    what: '{{file}} is missing in {{folder}}.',
    remedy: 'Get the model again, or copy the file into that folder.',
  },
  'missing-tensor': {
    what: 'The weights lack the tensor {{tensor}}, which this model needs.',
    remedy: 'Get it again (nibble pull <repository>), or use another model.',
  },
  'name-taken': {
    what: 'The name {{name}} belongs to {{id}} already.',
    remedy: 'Choose another name with --name.',
  },
  'no-weights': {
    what: '{{folder}} has no safetensors weights.',
    remedy:
      'Name a folder with config.json and safetensors files, or a repository: nibble search <name>.',
  },
  'not-a-folder': {
    what: '{{path}} is a file, not a folder.',
    remedy: 'Name the folder that holds config.json and the safetensors files.',
  },
  'not-enough-space': {
    what: '{{folder}} has {{free}} free, but {{needed}} are needed.',
    remedy: 'Free some space there, or choose another folder with --home.',
  },
  'not-json': {
    what: "{{file}} isn't valid JSON.",
    remedy: 'Get it again (nibble pull <repository>), or use another model.',
  },
  'nothing-there': {
    what: 'There is no model, file or folder called {{name}}.',
    remedy: 'Name a repository (OWNER/NAME), a folder, or an id of: nibble list.',
  },
  'prompt-beyond-context': {
    what: 'The conversation has {{characters}} characters and far more tokens than the context of this model holds ({{contextTokens}}).',
    remedy: 'Shorten it, or give more room: --context <tokens>.',
  },
  'recorded-file-changed': {
    what: '{{file}} in {{folder}} has changed since this model was made or added.',
    remedy:
      'Compare all files: nibble verify <id>. Then restore it, or remove the model and make or add it again.',
  },
  'runner-ended': {
    what: 'The process that runs the model {{how}}.',
    remedy: 'Run the same command again; if it happens again, use a smaller version.',
  },
  'runner-hung': {
    what: 'The process that runs the model gave no sign of life for {{seconds}} and was ended.',
    remedy: 'Run the same command again.',
  },
  'runner-silent': {
    what: 'The process that runs the model did not start within {{seconds}}.',
    remedy: 'Run the same command again when the computer is less busy.',
  },
  'tensor-shape': {
    what: 'The tensor {{tensor}} has the shape {{found}}; config.json asks for {{expected}}.',
    remedy: 'Get it again (nibble pull <repository>), or use another model.',
  },
  'tensor-type': {
    what: "The tensor {{tensor}} is stored as {{type}}, which can't be used for it.",
    remedy: 'Use another model: nibble search <name>.',
  },
  'tensor-without-prefix': {
    what: 'The weights have {{found}}, but not {{tensor}}: they were saved from the bare model, without its output layer.',
    remedy: 'Use the whole model, or save it again with AutoModelForCausalLM of transformers.',
  },
  'text-not-in-vocabulary': {
    what: "The text has characters that this model's tokenizer does not know.",
    remedy: 'Leave out those characters.',
  },
  'tokenizer-output-limit': {
    what: "This model's tokenizer makes more than {{limit}} characters of the text, which no real one does.",
    remedy: 'Use another model: nibble search <name>.',
  },
  'tokenizer-timeout': {
    what: "This model's tokenizer did not finish within {{limit}} and was stopped.",
    remedy: 'Shorten the text, or use another model.',
  },
  'tokenizer-unusable': {
    what: '{{file}} cannot be used as a tokenizer: {{problem}}.',
    remedy: 'Get it again (nibble pull <repository>), or use another model.',
  },
  'unknown-architecture': {
    what: "Nibble can't quantize or run {{architecture}} models yet.",
    remedy:
      "Find another model: nibble search <name>. To ask for this one, open an issue in Nibble's project with this name.",
  },
  'unknown-architecture-similar': {
    what: "Nibble can't quantize or run {{architecture}} models yet, only {{similar}}.",
    remedy:
      "Find another model: nibble search <name>. To ask for this one, open an issue in Nibble's project with this name.",
  },
  'unreadable-row': {
    what: "This entry of the library ({{table}}) can't be read by this version of Nibble.",
    remedy: 'If a newer Nibble has used this library, update Nibble.',
  },
  'unsafe-file-name': {
    what: "{{file}} names a file that could lie outside the model's folder: {{name}}.",
    remedy: 'Use another model: nibble search <name>.',
  },
  'unsupported-feature': {
    what: "This model needs a feature that Nibble doesn't have yet: {{field}} = {{value}}.",
    remedy: 'Use another model: nibble search <name>.',
  },
  'vocabulary-mismatch': {
    what: '{{tensor}} has {{rows}} rows, but config.json says the vocabulary has {{vocabulary}} tokens.',
    remedy: 'Get it again (nibble pull <repository>), or use another model.',
  },
  'weights-changed': {
    what: "{{file}} in {{folder}} isn't the file that Nibble wrote: its contents have changed.",
    remedy: 'Compare all files: nibble verify <id>. Then remove it and make it again.',
  },
  'weights-of-another': {
    what: 'The folder {{folder}} holds the weights of another model (fingerprint {{found}}) than {{artifact}} ({{expected}}).',
    remedy: 'Compare all files: nibble verify <id>. Then remove it and make it again.',
  },
  'weights-replaced': {
    what: '{{file}} in {{folder}} was replaced while the model was loaded.',
    remedy: 'Run the same command again: the new file is then checked and loaded.',
  },
  'weights-unreadable': {
    what: "{{file}} can't be read any more: it was cut short, or its disk is gone.",
    remedy: 'Connect its disk, or check its files: nibble verify <id>.',
  },
};
