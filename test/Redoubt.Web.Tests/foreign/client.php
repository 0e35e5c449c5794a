<?php
// pfSense's call sequence by PHP's own XML-RPC codec over PHP's own HTTPS. Arguments: URL, PEM file to trust, request bodies' folder.
// Prints what came back, as JSON.
[, $url, $trusted, $requests] = $argv;

function call(string $user, string $method, array $parameters)
{
    global $url, $trusted;
    $context = stream_context_create([
        'http' => [
            'method' => 'POST',
            'header' => ['Content-type: text/xml; charset=utf-8', 'Authorization: Basic ' . base64_encode($user)],
            'content' => xmlrpc_encode_request($method, $parameters, ['encoding' => 'utf-8', 'escaping' => 'markup']),
            'timeout' => 20,
        ],
        'ssl' => ['cafile' => $trusted, 'verify_peer' => true, 'verify_peer_name' => false],
    ]);
    $answer = file_get_contents($url, false, $context);
    $value = xmlrpc_decode($answer, 'utf-8');
    return is_array($value) && xmlrpc_is_fault($value) ? [$value['faultCode'], $value['faultString']] : $value;
}

$good = 'hasync:ha sync+p@ss/1';
$method = null;
$body = xmlrpc_decode_request(file_get_contents("$requests/restore_config_section.full.xml"), $method, 'utf-8')[0];
echo json_encode([
    'version' => call($good, 'pfsense.host_firmware_version', ['', 240])['config_version'],
    'restored' => call($good, 'pfsense.restore_config_section', [$body, 900]),
    'unusual' => call($good, 'pfsense.merge_config_section', [['system' => ['a' => "ä€😀 <&>\"' \t\n", 'b' => true, 'n' => 7, 'e' => '', 'l' => []]], 240]),
    'backup' => array_keys(call($good, 'pfsense.backup_config_section', [['hasync', 'staticroutes', 'nothing']])),
    'carp' => call($good, 'pfsense.exec_php', ["\$toreturn = [\n  \"data\" => get_carp_status(),\n];"]),
    'php' => call($good, 'pfsense.exec_php', ["system('id');"])[0],
    'unknown' => call($good, 'pfsense.nothing', []),
    'parameters' => call($good, 'pfsense.restore_config_section', ['x'])[0],
    'password' => call('hasync:wrong', 'pfsense.host_firmware_version', ['', 240])[0],
    'privilege' => call('bob:bob-pw', 'pfsense.host_firmware_version', ['', 240])[0],
]);
