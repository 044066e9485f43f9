export { readTlsClient } from './read-tls-client.ts';
export { readTlsFiles, type TlsFileNames, type TlsFinding } from './read-tls-files.ts';
export { destinationFiles, listenerFiles, optionFiles } from './tls-file-names.ts';
export { TlsFiles } from './tls-files.ts';
