using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>Which names lead to which services.</summary>
internal sealed class RouteCommand(CommandContext context)
{
    /// <summary>Lists the routes: hostname, listener, and the port of the node behind it.</summary>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("list")]
    public async Task List(bool json = false, CancellationToken cancel = default)
    {
        using var link = await FleetLink.OpenAsync(context, cancel);
        var answer = await link.Master.RouteListAsync(new RouteListRequest(), cancellationToken: cancel);
        if (json)
        {
            context.Screen.Json(new RoutesDocument([.. answer.Routes.Select(ToDocument)]), CliJson.Default.RoutesDocument);
            return;
        }
        var listing = new Listing("HOSTNAME", "LISTENER", "MODE", "PUBLIC", "SERVICE", "NODE", "BACKEND", "STATE");
        foreach (var r in answer.Routes)
        {
            listing.Add(
                r.Route?.Hostname ?? "", r.Route?.Listener ?? 0, r.Mode, r.Public ? "yes" : "no", r.Service, r.Node, $"{r.Route?.HostIp}:{r.Route?.HostPort_}",
                Cell.State(r.State));
        }
        context.Screen.Table(listing, "no routes");
    }

    private static RouteDocument ToDocument(ListedRoute r)
    {
        var port = r.Route ?? new HostPort();
        return new RouteDocument(r.Service, r.Component, r.Node, port.Route, port.Hostname, port.Listener, r.Mode, r.Public, port.HostIp, port.HostPort_, r.State);
    }
}
