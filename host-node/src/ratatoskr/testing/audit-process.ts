/** Keeps an audit log open until it is killed: PATH; says "open" when it is. */
import { createLogger } from '../../log/logger.ts';
import { AuditLog } from '../audit/audit-log.ts';

const [path = ''] = process.argv.slice(2);
const log = new AuditLog({ file: { path }, logger: createLogger({ level: 'silent' }) });
log.record({ event: 'authentication', success: true, device: 'd1' });
log.flush();
process.stdout.write('open');
// A log that nobody refers to any more would be collected, and its lock with it.
setInterval(() => log.flush(), 1000);
