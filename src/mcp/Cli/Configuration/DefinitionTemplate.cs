namespace Mcp.Cli.Configuration;

/// <summary>A first definition: what is needed stands there, what is often wanted stands there as a comment.</summary>
internal static class DefinitionTemplate
{
    /// <summary>The text for <paramref name="service"/>.</summary>
    public static string Write(string service, string? image, ushort? port) => $"""
        name = "{service}"
        # node = "orion"            # pin it to a node; otherwise the master chooses one, and the service stays where its data is

        [[components]]
        name    = "{service}"
        image   = "{(image ?? "registry.example.net/" + service + ":v1").Replace("\\", "\\\\").Replace("\"", "\\\"")}"   # a tag other than latest, or a digest
        volumes = ["/srv/{service}:/data"]   # everything under /srv/{service}/ belongs to the service
        # env       = ["LOG=info"]
        # env_files = ["/srv/{service}/secrets.env"]   # on the node, mode 0600; never on the wire
        # scratch   = ["/tmp"]                # memory, empty at every start

        [[components.routes]]
        name = "web"
        port = 8443                 # the listener of the node's proxy
        mode = "l7"
        {(port is { } p ? $"container_port = {p}" : "# container_port = 8080     # without it the container is told its port by $PORT")}

        # [components.health]       # a deploy that does not become healthy is put back
        # type = "http"
        # port = 8080
        # path = "/"

        """;
}
