"""A pfSense secondary, played by Python's own XML-RPC server over TLS. Arguments: PEM file with certificate and key, configuration version, and
"keep" or "lose": whether it keeps what is pushed. Prints its port, then a JSON line for each call; ends with its input."""

import base64
import json
import ssl
import sys
import threading
from xmlrpc.server import SimpleXMLRPCRequestHandler, SimpleXMLRPCServer

pem, version, mode = sys.argv[1:]
config = {"aliases": {"alias": [{"name": "Old"}]}, "system": {"hostname": "fw-b"}}
account = base64.b64encode(b"hasync:ha sync+p@ss/1").decode()


class Handler(SimpleXMLRPCRequestHandler):
    rpc_paths = ("/xmlrpc.php",)

    def do_POST(self):
        self.server.allowed = self.headers.get("Authorization") == "Basic " + account
        super().do_POST()


class Secondary(SimpleXMLRPCServer):
    def _marshaled_dispatch(self, data, dispatch_method=None, path=None):
        # What a script prints comes before the envelope.
        return b"Notice: something\n" + super()._marshaled_dispatch(data, dispatch_method, path)

    def _dispatch(self, method, params):
        print(json.dumps({"method": method, "parameters": params}), flush=True)
        if not self.allowed:
            return "Authentication failed"
        return super()._dispatch(method, params)


def host_firmware_version(dummy, timeout):
    return {"firmware": {"version": "2.9.0"}, "config_version": version}


def restore_config_section(sections, timeout):
    if mode == "keep":
        config.update(sections)
    return True


def backup_config_section(names):
    return {name: config[name] for name in names if name in config}


# An unknown method is a fault of code 1 in Python; pfSense says -32601, which Fault can carry.
class NotFound:
    def _dispatch(self, method, params):
        import xmlrpc.client

        functions = {f.__name__: f for f in (host_firmware_version, restore_config_section, backup_config_section)}
        if method.startswith("pfsense.") and method[8:] in functions:
            return functions[method[8:]](*params)
        raise xmlrpc.client.Fault(-32601, "server error. requested method not found")


server = Secondary(("127.0.0.1", 0), Handler, logRequests=False)
server.register_instance(NotFound())
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(pem)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
