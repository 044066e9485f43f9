export { type ProxyPorts, type RunningProxy, startProxy } from './start-proxy.ts';
