using Mcp.Agent.Deploying;
using Mcp.Agent.Drilling;
using Mcp.Agent.Importing;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Podman;

namespace Mcp.Agent.Lifecycle;

/// <summary>
/// What the agent does with containers when it starts: 1 operations that a killed process left are finished or put back; 2 new ones are let in, and
/// containers on data that is known to be superseded are stopped;
/// 3 the master is given <c>ownership_wait</c> to say which services are another node's by now; 4 every service whose desired state is
/// running, and that no migration holds, is started where it does not run. Nothing is replaced. A service that cannot be started is
/// reported and tried again with growing pauses; the others do not wait for it.
/// </summary>
internal sealed partial class AgentStart(
    AgentParts parts, JournalledOperations journal, OpenOperations open, Fencing fencing, ContainerRevival revival, Leftovers leftovers, DrillSweep drills, StagingSweep sweep, ILogger logger)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);

    /// <summary>Runs until everything runs that should.</summary>
    public async Task RunAsync(Task? ownershipAnswer, CancellationToken ct)
    {
        await open.ResolveAllAsync(ct);
        journal.Open();
        // Containers first: they have folders of staging/ mounted.
        await drills.RemoveLeftoversAsync(ct);
        await sweep.RunAsync(ct);
        await fencing.EnforceAsync(ct);
        await RemoveLeftoversAsync(ct);
        if (parts.Services.All().Any(IsWished))
            await ConfirmOwnershipAsync(ownershipAnswer, ct);
        var pause = TimeSpan.FromSeconds(2);
        while (true)
        {
            var all = await StartAllAsync(ct);
            parts.Start.Done = true;
            if (all)
                return;
            await Task.Delay(pause, parts.Clock, ct);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private async Task ConfirmOwnershipAsync(Task? ownershipAnswer, CancellationToken ct)
    {
        if (ownershipAnswer is null)
            return;
        try
        {
            await ownershipAnswer.WaitAsync(parts.Configuration.OwnershipWait, parts.Clock, ct);
        }
        catch (TimeoutException)
        {
            parts.Start.Unconfirmed = true;
            parts.Events.Add(new NodeEvent("unconfirmed", "warning",
                $"the master did not answer within {parts.Configuration.OwnershipWait.TotalSeconds:0} s; this node starts its services unconfirmed"));
            Unconfirmed(parts.Configuration.OwnershipWait.TotalSeconds);
        }
    }

    // Best effort: they are stopped, and the next deploy tries again.
    private async Task RemoveLeftoversAsync(CancellationToken ct)
    {
        foreach (var service in parts.Services.All())
        {
            using var held = parts.Locks.TryAcquire(ServiceName.Parse(service.Name), "the agent's start");
            try
            {
                if (held is not null)
                    await leftovers.RemoveAsync(service.Name, ct);
            }
            catch (Exception e) when (e is PodmanException or McpException)
            {
                NotRemoved(service.Name, e.Message);
            }
        }
    }

    private async Task<bool> StartAllAsync(CancellationToken ct)
    {
        var all = true;
        foreach (var service in parts.Services.All().Where(IsWished))
        {
            // Somebody is working on it; that operation decides.
            using var held = parts.Locks.TryAcquire(ServiceName.Parse(service.Name), "the agent's start");
            if (held is not null && parts.Services.Find(service.Name) is { } now && IsWished(now))
                all &= await TryStartAsync(now, ct);
        }
        return all;
    }

    private async Task<bool> TryStartAsync(RegisteredServiceRow service, CancellationToken ct)
    {
        var scope = new OperationScope(ContainerRevival.OwnId(parts.Clock), parts.Node, parts.Feed, parts.Clock);
        try
        {
            revival.RequireData(service.Name);
            foreach (var component in service.Components.Where(c => !c.Stopped))
            {
                var (action, _) = await revival.EnsureRunningAsync(service, component, scope, ct);
                if (action == "unchanged")
                    continue;
                parts.Events.Add(new NodeEvent("started", "info", $"{component.ContainerName} was {action} at the agent's start") { Service = service.Name, Component = component.Name });
                Started(component.ContainerName, action);
            }
            return true;
        }
        catch (Exception e) when (e is PodmanException or McpException)
        {
            var fault = e as McpException ?? ((PodmanException)e).ToFault($"start of {service.Name}");
            parts.Events.Add(new NodeEvent("start-failed", "error", fault.Describe()) { Service = service.Name });
            NotStarted(service.Name, fault.Describe());
            // What an operator must resolve is not tried again and again.
            return fault.Code is FaultCode.FailedPrecondition or FaultCode.NotFound or FaultCode.AlreadyExists && e is McpException;
        }
    }

    private static bool IsWished(RegisteredServiceRow service) => service.DesiredRunning && service.HeldBy.Length == 0;

    [LoggerMessage(Level = LogLevel.Information, Message = "{Container} was {Action} at the agent's start")]
    private partial void Started(string container, string action);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An old container of {Service} could not be removed: {Cause}")]
    private partial void NotRemoved(string service, string cause);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Service} could not be started: {Cause}")]
    private partial void NotStarted(string service, string cause);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The master did not answer within {Seconds} s; services are started unconfirmed")]
    private partial void Unconfirmed(double seconds);
}
