<?php
// What PHP made of a request, with its built-in server. Routes as Symfony and Laravel match them: on the decoded path.
$path = rawurldecode((string) parse_url('http://host' . $_SERVER['REQUEST_URI'], PHP_URL_PATH));
$routes = ['admin' => '#^/admin/(.+)$#', 'public' => '#^/public/(.+)$#', 'b' => '#^/a/([^/]+)/b$#', 'v1' => '#^/v1/([^/]+)/([^/]+)$#'];
$said = ['method' => $_SERVER['REQUEST_METHOD'], 'host' => $_SERVER['HTTP_HOST'], 'route' => 'none', 'params' => []];
foreach ($routes as $route => $pattern) {
    if (preg_match($pattern, $path, $found)) {
        $said['route'] = $route;
        $said['params'] = array_slice($found, 1);
        break;
    }
}
$said['query'] = ['tree' => $_GET];
$said['form'] = ['tree' => $_POST];
foreach ($_FILES as $name => $file) {
    $said['files'][$name] = $file['name'];
}
$said['merged'] = ['tree' => $_REQUEST];
$body = file_get_contents('php://input');
$value = json_decode($body, true);
if ($value !== null && is_array($value)) {
    $said['json'] = $value;
}
header('Content-Type: application/json');
echo json_encode($said, JSON_INVALID_UTF8_SUBSTITUTE | JSON_PARTIAL_OUTPUT_ON_ERROR);
