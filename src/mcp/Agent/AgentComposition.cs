using System.Globalization;
using Mcp.Agent.Adopting;
using Mcp.Agent.Configuration;
using Mcp.Agent.Deploying;
using Mcp.Agent.Drilling;
using Mcp.Agent.Files;
using Mcp.Agent.Importing;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Monitoring;
using Mcp.Definitions;

namespace Mcp.Agent;

/// <summary>The agent's capabilities wired together over its parts, without network: the server and the tests stand on the same thing.</summary>
internal sealed record AgentComposition(
    ServiceOperations Operations, JournalledOperations Journal, OpenOperations Open, AgentStart Start, Observer Observer, MonitorLoop Monitor, HealthProbe Health, Fencing Fencing, ConditionReport Report, DataOperations Data, ServiceDrill Drill)
{
    /// <summary>Wires everything; nothing runs yet.</summary>
    public static AgentComposition Of(AgentParts parts)
    {
        var configuration = parts.Configuration;
        var erasing = new FolderErasing(parts);
        var drills = new DrillSweep(parts, parts.Logging.CreateLogger<DrillSweep>());
        var sweep = new StagingSweep(parts, erasing, parts.Logging.CreateLogger<StagingSweep>());
        var images = new ImagePreparation(parts.Podman, configuration);
        var health = new HealthProbe(parts.Podman, parts.Clock);
        var putBack = new PutBack(parts);
        var checks = new DeploymentChecks(parts, HostPorts.OnThisNode(configuration.Ports), PolicyOf(configuration));
        var revival = new ContainerRevival(parts, checks, images);
        var leftovers = new Leftovers(parts, checks);
        var lifecycle = new ServiceLifecycle(parts, revival, health, putBack, leftovers);
        var journal = new JournalledOperations(parts);
        var files = new FileIntake(parts);
        var (swap, quiet) = (new FolderSwap(parts), new QuietService(parts));
        var (import, moves) = (new DataImport(parts, swap, quiet, erasing), new DataMoves(parts, swap, quiet, erasing));
        var open = new OpenOperations(parts, putBack, lifecycle, files, import, moves, parts.Logging.CreateLogger<OpenOperations>());
        journal.ResolveOpen = open.ResolveServiceAsync;
        var operations = new ServiceOperations(parts, journal, lifecycle, checks, images, health, putBack, files, new Adoption(parts, checks), new RowPurge(parts), erasing);
        var fencing = new Fencing(parts, operations, parts.Logging.CreateLogger<Fencing>());
        var observer = new Observer(parts);
        var report = new ConditionReport(parts, parts.Logging.CreateLogger<ConditionReport>());
        var monitor = new MonitorLoop(
            parts, new ServiceWatch(parts, observer, report), new HealthWatch(parts, health, report), new PodmanWatch(parts, report), open, parts.Logging.CreateLogger<MonitorLoop>());
        return new AgentComposition(
            operations, journal, open, new AgentStart(parts, journal, open, fencing, revival, leftovers, drills, sweep, parts.Logging.CreateLogger<AgentStart>()), observer,
            monitor, health, fencing, report, new DataOperations(operations, import, moves), new ServiceDrill(parts, checks, images, health, drills, erasing));
    }

    // What the node's policy forbids always: the agent's own ports and its master's.
    private static NodePolicy PolicyOf(AgentConfiguration configuration) => configuration.Policy with
    {
        DataRoot = configuration.DataRoot,
        OwnPorts = [.. configuration.Listen.Append(configuration.MasterAddress ?? "").Select(PortOf).Where(p => p > 0).Distinct()],
    };

    private static int PortOf(string address) =>
        int.TryParse(address[(address.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture, out var port) ? port : 0;
}
