/**
 * The plain relay that one would write with dcmjs-dimse: a server that hands each C-STORE on with a client of its own, one
 * association an instance, and answers with the status that came back. `node dcmjs-relay.ts PORT UPSTREAM_PORT`, on loopback.
 */
import net from 'node:net';
import dimse from 'dcmjs-dimse';
import { dimseScp } from '../../../test/fixtures/dcmjs-dimse.ts';
import { Stage } from '../../../test/fixtures/stage.ts';

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const { PresentationContextResult, Status } = dimse.constants;

// The client connects without TCP_NODELAY and has no option for it; twenty instances a second would be Nagle's, not dcmjs-dimse's.
const connect = net.connect as (options: net.NetConnectOpts) => net.Socket;
net.connect = ((options: net.NetConnectOpts) => connect({ ...options, noDelay: true })) as typeof net.connect;

class RelayScp extends dimse.Scp {
  #calling = '';
  #called = '';

  override associationRequested(association: dimse.association.Association): void {
    this.#calling = association.getCallingAeTitle();
    this.#called = association.getCalledAeTitle();
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      context.setResult(PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    }
    this.sendAssociationAccept();
  }

  override cStoreRequest(request: dimse.requests.CStoreRequest, callback: (response: dimse.responses.CStoreResponse) => void): void {
    const answer = (status: number) => {
      const response = dimse.responses.CStoreResponse.fromRequest(request);
      response.setStatus(status);
      callback(response);
    };
    const dataSet = request.getDataset();
    if (dataSet === undefined) {
      answer(Status.ProcessingFailure);
      return;
    }
    const forwarded = new dimse.requests.CStoreRequest(dataSet);
    forwarded.on('response', (response: dimse.responses.CStoreResponse) => answer(response.getStatus()));
    const client = new dimse.Client();
    client.on('networkError', () => answer(Status.ProcessingFailure));
    client.addRequest(forwarded);
    client.send('127.0.0.1', upstreamPort ?? 0, this.#calling, this.#called, {});
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }
}

await dimseScp(new Stage(), RelayScp, port);
