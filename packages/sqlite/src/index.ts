export { DamagedDatabase, type DatabaseFault } from './database-fault.ts';
export { DatabaseFile, type DatabaseFileOptions, type DatabaseUse } from './database-file.ts';
