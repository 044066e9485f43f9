/** dcmjs-dimse (JavaScript, PantelisGeorgiadis) as an independent peer: as SCU and as SCP, the proxy in between. */
import type { Socket } from 'node:net';
import dimse from 'dcmjs-dimse';
import { dimseScp, dimseScu } from '../fixtures/dcmjs-dimse.ts';
import { dcmqrscp, storescp } from '../fixtures/dcmtk.ts';
import { eventually } from '../fixtures/deadline.ts';
import { freePort } from '../fixtures/ports.ts';
import { startProxy } from '../fixtures/proxy.ts';
import { Stage } from '../fixtures/stage.ts';
import { generateStudy } from '../fixtures/study-generator.ts';
import { itWith, missingTools } from '../fixtures/tools.ts';

const { Status, PresentationContextResult, SopClass, UserIdentityType } = dimse.constants;
const storageCommitmentInstance = '1.2.840.10008.1.20.1.1';

const stage = new Stage();
afterEach(() => stage.clear(), 60_000);

/** What the SCP was asked, in order. */
let asked: string[] = [];
/** Where the SCP opens its own associations (storage commitment reports). */
let reportTo = 0;
beforeEach(() => {
  asked = [];
});

/** Accepts what it is offered, with the first transfer syntax; rejects callers named STRANGER. */
class Peer extends dimse.Scp {
  association: dimse.association.Association | undefined;

  override associationRequested(association: dimse.association.Association): void {
    this.association = association;
    if (association.getCallingAeTitle() === 'STRANGER') {
      this.sendAssociationReject(1, 1, 3);
      return;
    }
    if (association.getUserIdentityPositiveResponseRequested()) {
      asked.push(`identity ${association.getUserIdentityPrimaryField()}`);
      association.setUserIdentityServerResponse('welcome');
      association.setNegotiateUserIdentityServerResponse(true);
    }
    for (const { id } of association.getPresentationContexts()) {
      const context = association.getPresentationContext(id);
      context.setResult(PresentationContextResult.Accept, context.getTransferSyntaxUids()[0]);
    }
    this.sendAssociationAccept();
  }

  override cEchoRequest(request: dimse.requests.CEchoRequest, callback: (response: dimse.responses.CEchoResponse) => void): void {
    asked.push('C-ECHO');
    const response = dimse.responses.CEchoResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  override cStoreRequest(request: dimse.requests.CStoreRequest, callback: (response: dimse.responses.CStoreResponse) => void): void {
    asked.push(`C-STORE ${request.getDataset()?.getElement('SOPInstanceUID')}`);
    const response = dimse.responses.CStoreResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  override cFindRequest(request: dimse.requests.CFindRequest, callback: (responses: dimse.responses.CFindResponse[]) => void): void {
    asked.push(`C-FIND ${request.getDataset()?.getElement('PatientID')}`);
    const answers = ['JOHN^DOE', 'JANE^DOE'].map((name) => {
      const pending = dimse.responses.CFindResponse.fromRequest(request);
      pending.setDataset(new dimse.Dataset({ PatientID: '12345', PatientName: name }));
      pending.setStatus(Status.Pending);
      return pending;
    });
    const last = dimse.responses.CFindResponse.fromRequest(request);
    last.setStatus(Status.Success);
    callback([...answers, last]);
  }

  override nCreateRequest(request: dimse.requests.NCreateRequest, callback: (response: dimse.responses.NCreateResponse) => void): void {
    asked.push(`N-CREATE ${request.getDataset()?.getElement('PerformedProcedureStepStatus')}`);
    const response = dimse.responses.NCreateResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  override nSetRequest(request: dimse.requests.NSetRequest, callback: (response: dimse.responses.NSetResponse) => void): void {
    asked.push(`N-SET ${request.getDataset()?.getElement('PerformedProcedureStepStatus')}`);
    const response = dimse.responses.NSetResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  override nActionRequest(request: dimse.requests.NActionRequest, callback: (response: dimse.responses.NActionResponse) => void): void {
    const transaction = request.getDataset()?.getElement('TransactionUID');
    asked.push(`N-ACTION ${transaction}`);
    const response = dimse.responses.NActionResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
    const report = new dimse.requests.NEventReportRequest(SopClass.StorageCommitmentPushModel, storageCommitmentInstance, 1);
    report.setDataset(new dimse.Dataset({ TransactionUID: transaction }));
    void dimseScu({ port: reportTo, calling: 'PACS', called: this.association?.getCallingAeTitle() ?? '', requests: [report] }).then(
      (how) => asked.push(`report ${how}`),
    );
  }

  override nEventReportRequest(
    request: dimse.requests.NEventReportRequest,
    callback: (response: dimse.responses.NEventReportResponse) => void,
  ): void {
    asked.push(`N-EVENT-REPORT ${request.getDataset()?.getElement('TransactionUID')}`);
    const response = dimse.responses.NEventReportResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
  }
}

const peer = Peer as unknown as new (socket: Socket, options?: object) => dimse.Scp;

/** The request with what its answers said. */
function withStatuses<R extends dimse.requests.Request>(request: R): { readonly request: R; readonly statuses: number[] } {
  const statuses: number[] = [];
  request.on('response', (response: dimse.responses.Response) => statuses.push(response.getStatus()));
  return { request, statuses };
}

async function behindProxy(): Promise<number> {
  const { port } = await startProxy(stage, { destinations: { pacs: { port: await dimseScp(stage, peer) } } });
  return port;
}

const names = { calling: 'CT1', called: 'PACS' };

it('dcmjs-dimse to dcmjs-dimse: C-ECHO, C-FIND and C-STORE', async () => {
  const port = await behindProxy();
  const echo = withStatuses(new dimse.requests.CEchoRequest());
  expect(await dimseScu({ port, ...names, requests: [echo.request] })).toBe('released');
  expect(echo.statuses).toEqual([0]);

  const find = withStatuses(dimse.requests.CFindRequest.createStudyFindRequest({ PatientID: '12345' }));
  const found: (string | undefined)[] = [];
  find.request.on('response', (response: dimse.responses.Response) => found.push(response.getDataset()?.getElement('PatientID')));
  expect(await dimseScu({ port, ...names, requests: [find.request] })).toBe('released');
  expect(find.statuses).toEqual([0xff00, 0xff00, 0]);
  expect(found).toEqual(['12345', '12345', undefined]);

  const instances = [...generateStudy({ slices: 3, rows: 32, columns: 32, seed: 9 })];
  const stores = instances.map((instance) =>
    withStatuses(
      new dimse.requests.CStoreRequest(
        new dimse.Dataset(Buffer.from(instance.bytes.subarray(instance.dataSetOffset)), instance.transferSyntaxUid),
      ),
    ),
  );
  expect(await dimseScu({ port, ...names, requests: stores.map((store) => store.request) })).toBe('released');
  expect(stores.map((store) => store.statuses)).toEqual([[0], [0], [0]]);
  expect(asked).toEqual(['C-ECHO', 'C-FIND 12345', ...instances.map((instance) => `C-STORE ${instance.sopInstanceUid}`)]);
}, 60_000);

it('dcmjs-dimse to dcmjs-dimse: MPPS, N-CREATE then N-SET', async () => {
  const port = await behindProxy();
  const create = withStatuses(new dimse.requests.NCreateRequest(SopClass.ModalityPerformedProcedureStep, '2.25.5'));
  create.request.setDataset(new dimse.Dataset({ PerformedProcedureStepStatus: 'IN PROGRESS' }));
  expect(await dimseScu({ port, ...names, requests: [create.request] })).toBe('released');
  const set = withStatuses(new dimse.requests.NSetRequest(SopClass.ModalityPerformedProcedureStep, '2.25.5'));
  set.request.setDataset(new dimse.Dataset({ PerformedProcedureStepStatus: 'COMPLETED' }));
  expect(await dimseScu({ port, ...names, requests: [set.request] })).toBe('released');
  expect([create.statuses, set.statuses]).toEqual([[0], [0]]);
  expect(asked).toEqual(['N-CREATE IN PROGRESS', 'N-SET COMPLETED']);
}, 60_000);

it('dcmjs-dimse to dcmjs-dimse: storage commitment, the report on an association of the archive’s own', async () => {
  const archivePort = await freePort();
  const modalityPort = await dimseScp(stage, peer);
  const proxy = await startProxy(stage, {
    destinations: { archive: { port: archivePort }, modality: { port: modalityPort } },
    routes: [{ calledAet: 'CT1', to: 'modality' }, { to: 'archive' }],
  });
  reportTo = proxy.port;
  await dimseScp(stage, peer, archivePort);
  const action = withStatuses(new dimse.requests.NActionRequest(SopClass.StorageCommitmentPushModel, storageCommitmentInstance, 1));
  action.request.setDataset(new dimse.Dataset({ TransactionUID: '2.25.60' }));
  expect(await dimseScu({ port: proxy.port, ...names, requests: [action.request] })).toBe('released');
  expect(action.statuses).toEqual([0]);
  await eventually('the report to be delivered', () => asked.includes('report released'));
  expect(asked).toEqual(['N-ACTION 2.25.60', 'N-EVENT-REPORT 2.25.60', 'report released']);
}, 60_000);

it('dcmjs-dimse to dcmjs-dimse: asynchronous operations, user identity, and a rejection in the destination’s words', async () => {
  const port = await behindProxy();
  const echoes = Array.from({ length: 5 }, () => withStatuses(new dimse.requests.CEchoRequest()));
  expect(
    await dimseScu({
      port,
      ...names,
      requests: echoes.map((echo) => echo.request),
      options: {
        asyncOps: { maxAsyncOpsInvoked: 5, maxAsyncOpsPerformed: 5 },
        userIdentity: {
          type: UserIdentityType.UsernameAndPasscode,
          positiveResponseRequested: true,
          primaryField: 'technologist',
          secondaryField: 'secret',
        },
      },
    }),
  ).toBe('released');
  expect(echoes.map((echo) => echo.statuses)).toEqual([[0], [0], [0], [0], [0]]);
  expect(asked).toEqual(['identity technologist', 'C-ECHO', 'C-ECHO', 'C-ECHO', 'C-ECHO', 'C-ECHO']);
  expect(await dimseScu({ port, called: 'PACS', calling: 'STRANGER', requests: [new dimse.requests.CEchoRequest()] })).toBe(
    'rejected 1/1/3',
  );
}, 60_000);

itWith(
  missingTools('storescp'),
  'dcmjs-dimse to DCMTK storescp: its instances are stored',
  async () => {
    const scp = await storescp(stage);
    const { port } = await startProxy(stage, { destinations: { pacs: { port: scp.port } } });
    const instances = [...generateStudy({ slices: 2, rows: 32, columns: 32, seed: 10 })];
    const stores = instances.map((instance) =>
      withStatuses(
        new dimse.requests.CStoreRequest(
          new dimse.Dataset(Buffer.from(instance.bytes.subarray(instance.dataSetOffset)), instance.transferSyntaxUid),
        ),
      ),
    );
    expect(await dimseScu({ port, ...names, requests: stores.map((store) => store.request) })).toBe('released');
    expect(stores.map((store) => store.statuses)).toEqual([[0], [0]]);
    expect([...(await scp.stored()).keys()].toSorted()).toEqual(instances.map((instance) => instance.sopInstanceUid).toSorted());
  },
  60_000,
);

itWith(
  missingTools('dcmqrscp'),
  'dcmjs-dimse to DCMTK dcmqrscp: C-STORE, C-FIND, and C-GET back on its own association',
  async () => {
    const archive = await dcmqrscp(stage, { aet: 'PACS', peers: {} });
    const { port } = await startProxy(stage, { destinations: { pacs: { port: archive.port } } });
    const [instance] = generateStudy({ slices: 1, rows: 32, columns: 32, seed: 12 });
    if (instance === undefined) throw new Error('no instance');
    const store = new dimse.requests.CStoreRequest(
      new dimse.Dataset(Buffer.from(instance.bytes.subarray(instance.dataSetOffset)), instance.transferSyntaxUid),
    );
    expect(await dimseScu({ port, ...names, requests: [store] })).toBe('released');
    const find = withStatuses(dimse.requests.CFindRequest.createStudyFindRequest({ StudyInstanceUID: instance.studyInstanceUid }));
    expect(await dimseScu({ port, ...names, requests: [find.request] })).toBe('released');
    expect(find.statuses).toEqual([0xff00, 0]);
    const get = withStatuses(dimse.requests.CGetRequest.createStudyGetRequest(instance.studyInstanceUid));
    const received: (string | undefined)[] = [];
    expect(
      await dimseScu({
        port,
        ...names,
        requests: [get.request],
        prepare: (client) => {
          client.on(
            'cStoreRequest',
            (request: dimse.requests.CStoreRequest, callback: (response: dimse.responses.CStoreResponse) => void) => {
              received.push(request.getDataset()?.getElement('SOPInstanceUID'));
              const response = dimse.responses.CStoreResponse.fromRequest(request);
              response.setStatus(Status.Success);
              callback(response);
            },
          );
        },
      }),
    ).toBe('released');
    expect(received).toEqual([instance.sopInstanceUid]);
    expect(get.statuses.at(-1)).toBe(0);
  },
  60_000,
);
