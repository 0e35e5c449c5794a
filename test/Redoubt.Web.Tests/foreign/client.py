"""pfSense's calls by Python's own XML-RPC client. Arguments: URL, PEM file to trust, request bodies' folder. Prints what came back, as JSON."""

import json
import pathlib
import ssl
import sys
import xmlrpc.client

url, trusted, requests = sys.argv[1:]
context = ssl.create_default_context(cafile=trusted)
context.check_hostname = False


def server(user):
    return xmlrpc.client.ServerProxy(url.replace("//", f"//{user}@"), context=context)


def fault(call):
    try:
        return call()
    except xmlrpc.client.Fault as e:
        return [e.faultCode, e.faultString]


good = server("hasync:ha%20sync%2Bp%40ss%2F1")
body = xmlrpc.client.loads(pathlib.Path(requests, "restore_config_section.full.xml").read_bytes())[0][0]
print(
    json.dumps(
        {
            "version": good.pfsense.host_firmware_version("", 240)["config_version"],
            "restored": good.pfsense.restore_config_section(body, 900),
            "unusual": good.pfsense.merge_config_section({"system": {"a": "ä€😀 <&>\"' \t\n", "b": True, "n": 7, "e": "", "l": []}}, 240),
            "backup": sorted(good.pfsense.backup_config_section(["hasync", "staticroutes", "nothing"])),
            "carp": good.pfsense.exec_php('$toreturn = [\n  "data" => get_carp_status(),\n];'),
            "php": fault(lambda: good.pfsense.exec_php("system('id');"))[0],
            "unknown": fault(lambda: good.pfsense.nothing()),
            "parameters": fault(lambda: good.pfsense.restore_config_section("x"))[0],
            "password": fault(lambda: server("hasync:wrong").pfsense.host_firmware_version("", 240))[0],
            "privilege": fault(lambda: server("bob:bob-pw").pfsense.host_firmware_version("", 240))[0],
        }
    )
)
