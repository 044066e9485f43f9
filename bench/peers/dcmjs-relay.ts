/**
 * What one would write first: a C-STORE relay made of dcmjs-dimse, which decodes every instance, sends it on as a client and answers
 * with the status it got. `node dcmjs-relay.ts LISTEN_PORT TARGET_PORT`.
 */
import { createRequire } from 'node:module';
import { createServer, type Socket } from 'node:net';
import dimse from 'dcmjs-dimse';

const [listenPort = '', targetPort = ''] = process.argv.slice(2);
interface Loglevel {
  setLevel(level: string, persist: boolean): void;
  getLogger(name: string): Loglevel;
}
const { log } = createRequire(createRequire(import.meta.url).resolve('dcmjs-dimse'))('dcmjs') as { readonly log: Loglevel };
dimse.log.setLevel('silent', false);
log.setLevel('silent', false);
log.getLogger('validation.dcmjs').setLevel('silent', false);

const { CStoreRequest } = dimse.requests;
const { CStoreResponse, CEchoResponse } = dimse.responses;
const { Status, PresentationContextResult } = dimse.constants;

class RelayScp extends dimse.Scp {
  override associationRequested(association: dimse.association.Association): void {
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      const [first] = context.getTransferSyntaxUids();
      if (first === undefined) context.setResult(PresentationContextResult.RejectTransferSyntaxesNotSupported);
      else context.setResult(PresentationContextResult.Accept, first);
    }
    this.sendAssociationAccept();
  }

  override cEchoRequest(request: dimse.requests.CEchoRequest, callback: (response: dimse.responses.CEchoResponse) => void): void {
    const response = CEchoResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  override cStoreRequest(request: dimse.requests.CStoreRequest, callback: (response: dimse.responses.CStoreResponse) => void): void {
    const response = CStoreResponse.fromRequest(request);
    const dataset = request.getDataset();
    if (dataset === undefined) {
      response.setStatus(Status.ProcessingFailure);
      callback(response);
      return;
    }
    const forward = new CStoreRequest(dataset);
    let answered = false;
    const answer = (status: number): void => {
      if (answered) return;
      answered = true;
      response.setStatus(status);
      callback(response);
    };
    forward.on('response', (upstream: dimse.responses.Response) => answer(upstream.getStatus()));
    const client = new dimse.Client();
    client.addRequest(forward);
    client.on('networkError', () => answer(Status.ProcessingFailure));
    client.send('127.0.0.1', Number(targetPort), 'RELAY', 'ANY-SCP', {});
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }
}

createServer((socket: Socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  new RelayScp(socket, {});
}).listen(Number(listenPort), '127.0.0.1');
