using ConsoleAppFramework;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Cli.Output.Json;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>How the fleet is: nodes, services as observed, and what an operator should look at, worst first.</summary>
internal sealed class StatusCommand(CommandContext context)
{
    // Less is what a busy node takes to answer.
    private static readonly TimeSpan WorthSaying = TimeSpan.FromSeconds(6);

    /// <summary>Shows how nodes and services are, and what needs a hand, worst first.</summary>
    /// <param name="service">service: only this one</param>
    /// <param name="check">exit 3 when there is any finding</param>
    /// <param name="direct">ask the agent, not the master</param>
    /// <param name="node">-n, with --direct: only this node (default: all that this machine knows)</param>
    /// <param name="json">print JSON</param>
    /// <param name="cancel">Ctrl-C.</param>
    [Command("status")]
    public async Task<int> Status(
        [Argument] string? service = null, bool check = false, bool direct = false, string? node = null, bool json = false, CancellationToken cancel = default)
    {
        using var reader = await FleetReader.OpenAsync(context, direct, node, cancel);
        var found = reader.Master is { } master ? await AskMasterAsync(master, service, cancel) : await AskAgentsAsync(reader, service, cancel);
        if (json)
            context.Screen.Json(found, CliJson.Default.StatusDocument);
        else
            Print(found, service);
        return check && found.Findings.Count > 0 ? ExitCode.Findings : ExitCode.Done;
    }

    private void Print(StatusDocument found, string? service)
    {
        foreach (var f in found.Findings)
        {
            var where = string.Join(' ', new[] { f.Service, f.Node.Length > 0 ? $"on {f.Node}" : "" }.Where(w => w.Length > 0));
            var since = f.Since.Length > 0 ? $", {Measures.Ago(f.Since, context.Clock)}" : "";
            var text = $"{f.Kind}{(where.Length > 0 ? $" ({where})" : "")}{since}: {f.Message}{(f.Command.Length > 0 ? $"\n  next: {f.Command}" : "")}";
            context.Reporter.Finding(f.Severity, text);
        }
        if (service is null)
        {
            var nodes = new Listing("NODE", "ROLE", "STATUS", "CONTAINERS", "VERSION", "HEARD");
            foreach (var n in found.Nodes)
                nodes.Add(n.Name, n.Role, NodeCommand.StatusOf(n), n.Containers, n.Version, Measures.Ago(n.LastHeartbeat, context.Clock));
            context.Screen.Table(nodes, "no nodes yet; mcp node add <name> --role worker");
            if (found.Services.Count > 0)
                context.Screen.Line();
        }
        var services = new Listing("SERVICE", "NODE", "STATUS", "GEN", "DEPLOYED", "SNAPSHOT", "PROVEN RESTORE", "REACHED AT", "DETAIL");
        foreach (var s in found.Services)
        {
            services.Add(
                s.Name, s.Node, Cell.State(s.Status), (long)s.Generation, Measures.Ago(s.DeployedAt, context.Clock), Measures.Ago(s.LastSnapshot, context.Clock),
                Measures.Ago(s.ProvenRestore, context.Clock), string.Join(", ", s.Ports.Select(p => $"{p.HostIp}:{p.HostPort}")), s.Detail);
        }
        context.Screen.Table(services, service is null ? "no services yet; mcp deploy <service>" : $"there is no service {service}");
        if (found.Findings.Count == 0)
            context.Reporter.Note("no findings");
        if (service is null && AgeOf(found.Nodes) is { } age)
            context.Reporter.Note($"the containers of some nodes are shown as they were up to {age.TotalSeconds:0} s before; mcp status <service> looks anew");
    }

    // Of a large fleet the master does not ask every node at every look. Both times are its own, so no clock of this machine comes into it.
    private static TimeSpan? AgeOf(IReadOnlyList<NodeDocument> nodes)
    {
        var looks = nodes.Select(n => Timestamp.Read(n.ObservedAt)).OfType<DateTimeOffset>().ToList();
        return looks.Count > 0 && looks.Max() - looks.Min() is var age && age >= WorthSaying ? age : null;
    }

    private static async Task<StatusDocument> AskMasterAsync(FleetLink link, string? service, CancellationToken cancel)
    {
        var answer = await link.Master.StatusAsync(new StatusRequest { ServiceName = service ?? "" }, cancellationToken: cancel);
        link.Remember(answer.Nodes);
        return new StatusDocument(
            answer.Fleet, answer.Version, answer.MasterSince, [.. answer.Nodes.Select(n => n.ToDocument())],
            [.. answer.Services.Select(s => s.ToDocument())], [.. answer.Findings.Select(f => f.ToDocument())]);
    }

    // Each node for itself: what the fleet makes of it, placements and findings across nodes, only the master knows.
    private static async Task<StatusDocument> AskAgentsAsync(FleetReader reader, string? service, CancellationToken cancel)
    {
        var answers = await reader.AskAsync(
            async (agent, ct) => Describe(
                await agent.NodeStatusAsync(new NodeStatusRequest(), cancellationToken: ct),
                (await agent.ListServicesAsync(new ListServicesRequest(), cancellationToken: ct)).Services.Where(s => service is null || s.Spec.Name == service)),
            cancel);
        var silent = reader.Silent.Select(s => new NodeDocument(s.Node, "", "", "", "unknown", s.Error, false, true, 0, 0, "", "", "", 0, 0, 0));
        return new StatusDocument(
            "", answers[0].Version, "", [.. answers.SelectMany(a => a.Nodes).Concat(silent).OrderBy(n => n.Name, StringComparer.Ordinal)],
            [.. answers.SelectMany(a => a.Services).OrderBy(s => s.Name, StringComparer.Ordinal)],
            [.. reader.Silent.Select(s => new FindingDocument("node unknown", "error", s.Node, "", $"{s.Node} could not be asked: {s.Error}", "", "")), .. answers.SelectMany(a => a.Findings)]);
    }

    private static StatusDocument Describe(NodeStatusResponse n, IEnumerable<RegisteredService> services)
    {
        var node = new NodeDocument(
            n.Name, n.Role, n.Address, n.Arch, n.Problems.Count == 0 ? "healthy" : "unhealthy", string.Join("; ", n.Problems), false, true, n.Containers,
            n.Services, n.Version, n.MasterContact, n.CertificateExpires, n.DiskFreeBytes, n.MemoryBytes, 0);
        return new StatusDocument(
            "", n.Version, "", [node],
            [.. services.Select(s => new ServiceStatusDocument(
                s.Spec.Name, n.Name, s.Spec.Tier, s.Status.Status, string.Join("; ", s.Status.HeldBy.Length > 0 ? s.Status.Problems.Prepend($"held by the migration {s.Status.HeldBy}") : s.Status.Problems), s.Status.Generation, s.Status.Epoch, s.DeployedAt,
                s.DeployedBy, [.. s.Status.Containers.Select(c => c.ToDocument(n.Name))],
                [.. s.Status.Containers.SelectMany(c => c.Ports).Select(p => p.ToDocument())], "", ""))],
            [.. n.Problems.Select(p => new FindingDocument("node problem", "warning", n.Name, "", p, "", ""))]);
    }
}
