import { type CommandFields, type CommandSet, commandSet } from '@radiotracer/wire';

/**
 * The response that belongs to a request (PS3.7 9.3, 10.3): its service, message id and SOP class and instance, with a status. No data
 * set follows it unless `more` says so.
 */
export function responseTo(request: CommandSet, status: number, more: Partial<CommandFields> = {}): CommandSet {
  return commandSet({
    commandField: (request.commandField ?? 0) | 0x8000,
    messageIdBeingRespondedTo: request.messageId ?? 0,
    affectedSopClassUid: request.affectedSopClassUid ?? request.requestedSopClassUid,
    affectedSopInstanceUid: request.affectedSopInstanceUid ?? request.requestedSopInstanceUid,
    status,
    ...more,
  });
}
