using System.Runtime.CompilerServices;
using Mcp.Agent.Deploying;
using Mcp.Agent.Importing;
using Mcp.Agent.Lifecycle;
using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Archive;
using Mcp.Confined.V1;
using Mcp.Confinement;
using Mcp.Errors;
using Mcp.Names;
using Mcp.Podman;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Agent.Snapshots;

/// <summary>
/// Sends the archive of a service. Nothing on the node is changed by it, so it has no journal: a killed agent leaves a staging folder, which its next start removes.
/// <para>
/// 1 whose data it is: a record, current, of the epoch that was asked for, and a folder that carries it; 2 the service's lock, so that no deploy swaps containers under it;
/// 3 the plan, by the spec that was deployed and what runs; 4 the method, if the plan has one; 5 a confined child reads and packs the folder, and what it says is passed on as
/// fast as the caller takes it. While anything takes time, something is said at least every 5 s.
/// </para>
/// </summary>
internal sealed class DataExport(AgentParts parts)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(3);

    // More threads than that gain nothing on a link, and each takes tens of megabytes.
    private const int MostWorkers = 4;

    private readonly MethodRun _methods = new(parts);

    /// <summary>The parts of the archive as they are to be sent, the trailer last.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="asker">Who asks, for whoever waits for the lock.</param>
    /// <param name="ct">Kills the child.</param>
    /// <exception cref="McpException">Refused, or it failed; then there is no trailer.</exception>
    public async IAsyncEnumerable<ExportServiceDataResponse> RunAsync(ExportServiceDataRequest request, string asker, [EnumeratorCancellation] CancellationToken ct)
    {
        if (OwnState.Is(request.ServiceName))
        {
            await foreach (var part in SendOwnStateAsync(request.ServiceName, ct))
                yield return part;
            yield break;
        }
        var name = Parse(request.ServiceName);
        // Refused before it waits for anybody.
        Require(name.Value, request.Epoch);
        var acquiring = parts.Locks.AcquireAsync(name, $"{(request.Mode == SnapshotPlan.Move ? "export" : "snapshot")} of {asker}", Patience, null, ct);
        await foreach (var part in WaitAsync(acquiring, $"waiting for {parts.Locks.HolderOf(name)}", ct))
            yield return part;
        using var held = await acquiring;
        var row = Require(name.Value, request.Epoch);
        var (plan, service, container) = await PlanAsync(row, request.Mode, ct);
        if (plan.Ask is not null)
        {
            var method = _methods.RunAsync(service!, plan, container!, ct);
            await foreach (var part in WaitAsync(method, $"method in {plan.Component!.Name}", ct))
                yield return part;
            await method;
        }
        using var staging = ExportStaging.Create(parts.Configuration.DataRoot, parts.Clock, parts.Logging.CreateLogger<ExportStaging>());
        var folder = parts.Folders.PathOf(name.Value);
        // What is kept is kept small; of what only travels, the link decides.
        var moves = request.Mode == SnapshotPlan.Move;
        await foreach (var part in PackAsync(folder, staging.Path, plan, moves, moves ? ZstdOutput.FastLevel : ZstdOutput.DefaultLevel, $"archives {name}", ct))
            yield return part;
    }

    /// <summary>Counts what an export would send, and says whose data it is. It takes no lock: it only looks.</summary>
    /// <exception cref="McpException">There is no data of that name here.</exception>
    public async Task<DataInspection> InspectAsync(InspectDataRequest request, CancellationToken ct)
    {
        var name = Parse(request.Service);
        var row = parts.Data.Find(name.Value) ?? throw Absent(name.Value);
        var (plan, _, _) = await PlanAsync(row, request.Mode, ct, refuseRunning: false);
        var job = new InspectJob { Folder = parts.Folders.PathOf(name.Value), Essentials = plan.Essentials };
        job.Excludes.AddRange(plan.Excludes);
        RequireFolder(name.Value);
        var result = await ConfinedChild.RunAsync(Extraction.Program, new ConfinedFolders { Reading = [job.Folder] }, new ConfinedJob { Inspect = job }, $"inspects {name}", ct);
        var inspection = result.Inspect;
        inspection.DiskFreeBytes = Identity.NodeFacts.Disk(parts.Configuration.DataRoot).Free;
        inspection.Record = ServiceLifecycle.ToMessage(parts, row);
        return inspection;
    }

    private async IAsyncEnumerable<ExportServiceDataResponse> SendOwnStateAsync(string name, [EnumeratorCancellation] CancellationToken ct)
    {
        if (name == OwnState.Proxy)
        {
            // No proxy runs on any node yet: nothing is sent, and that is said by a trailer over nothing.
            yield return new ExportServiceDataResponse { Trailer = new StreamTrailer() };
            yield break;
        }
        using var staging = ExportStaging.Create(parts.Configuration.DataRoot, parts.Clock, parts.Logging.CreateLogger<ExportStaging>());
        var (files, copies) = (Path.Combine(staging.Path, "files"), Path.Combine(staging.Path, "copies"));
        Directory.CreateDirectory(files);
        Directory.CreateDirectory(copies);
        await Task.Run(() => OwnState.CopyTo(parts, files), ct);
        await foreach (var part in PackAsync(files, copies, new SnapshotPlan(null, null, Essentials: false, []), still: false, ZstdOutput.DefaultLevel, "archives the agent's own state", ct))
            yield return part;
    }

    private static async IAsyncEnumerable<ExportServiceDataResponse> PackAsync(string folder, string staging, SnapshotPlan plan, bool still, int level, string what, [EnumeratorCancellation] CancellationToken ct)
    {
        var job = new ExportJob
        {
            Folder = folder,
            Staging = staging,
            Essentials = plan.Essentials,
            Workers = Math.Min(MostWorkers, Environment.ProcessorCount),
            PatienceSeconds = (int)LockPatience.TotalSeconds,
            LeastLevel = level,
            Still = still,
        };
        job.Excludes.AddRange(plan.Excludes);
        var folders = new ConfinedFolders { Reading = [folder], Writing = [staging] };
        await using var child = await ConfinedChild.StartAsync(Extraction.Program, folders, new ConfinedJob { Export = job }, what, ct);
        while (await child.NextAsync(ct) is { } frame)
        {
            yield return frame.PartCase == ConfinedOutput.PartOneofCase.Data
                ? new ExportServiceDataResponse { Data = frame.Data }
                : new ExportServiceDataResponse { Progress = frame.Progress };
        }
        yield return new ExportServiceDataResponse { Trailer = child.Result!.Export };
    }

    private async Task<(SnapshotPlan Plan, RegisteredServiceRow? Service, ContainerDetail? Container)> PlanAsync(DataRow row, string mode, CancellationToken ct, bool refuseRunning = true)
    {
        var service = parts.Services.Find(row.Service);
        var containers = new Dictionary<string, ContainerDetail>(StringComparer.Ordinal);
        // Only where the answer matters is podman asked: the data of a node whose podman is broken can still be saved.
        if (service is not null && (mode == SnapshotPlan.Move || NeedsComponent(service.Spec)))
        {
            foreach (var component in service.Components)
            {
                if (await FindAsync(service.Name, component, ct) is { } container && OwnedContainers.IsActive(container.Status))
                    containers[component.Name] = container;
            }
        }
        if (refuseRunning && mode == SnapshotPlan.Move && containers.Count > 0)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"{row.Service} still runs on {parts.Node} ({string.Join(", ", containers.Keys)}): its data is not moved under it") { Hint = $"mcp stop {row.Service}" };
        }
        var plan = SnapshotPlan.Of(service?.Spec ?? row.Spec, mode, component => containers.GetValueOrDefault(component.Name) is { } container && OwnedContainers.IsRunning(container));
        return (plan, service, plan.Component is { } asked ? containers.GetValueOrDefault(asked.Name) : null);
    }

    private static bool NeedsComponent(ServiceSpec spec) => Definitions.SnapshotMethod.TryParse(spec.Snapshot?.Method ?? "", out var method, out _) && method.NeedsComponent;

    private async Task<ContainerDetail?> FindAsync(string service, RegisteredComponentRow component, CancellationToken ct)
    {
        try
        {
            return await parts.Containers.FindAsync(component.ContainerId, service, component.Name, ct);
        }
        catch (PodmanException e)
        {
            throw e.ToFault($"whether {service} runs is not known");
        }
    }

    // Something is said while a task runs that says nothing itself.
    private async IAsyncEnumerable<ExportServiceDataResponse> WaitAsync(Task task, string phase, [EnumeratorCancellation] CancellationToken ct)
    {
        while (await Task.WhenAny(task, Task.Delay(Beat, parts.Clock, ct)) != task)
        {
            ct.ThrowIfCancellationRequested();
            yield return new ExportServiceDataResponse { Progress = new TransferProgress { Phase = phase } };
        }
    }

    private DataRow Require(string service, ulong epoch)
    {
        var row = parts.Data.Find(service) ?? throw Absent(service);
        if (row.State == "superseded")
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {service} on {parts.Node} (epoch {row.Epoch}) was superseded by epoch {row.SupersededEpoch} on {row.SupersededNode}: it is not exported")
            {
                Hint = $"the current data: mcp snapshot {service}; to take this copy as the current one: mcp data accept {service}",
            };
        }
        if (epoch != 0 && row.Epoch != epoch)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {service} on {parts.Node} is of epoch {row.Epoch}, not {epoch}: it is not exported") { Hint = $"mcp data list {service}" };
        }
        RequireFolder(service);
        return row;
    }

    private void RequireFolder(string service)
    {
        var folder = parts.Folders.Observe(service);
        if (folder.Content == FolderContent.Absent)
        {
            throw new McpException(FaultCode.FailedPrecondition, $"the data of {service} should be in {folder.Path}, but there is nothing")
            {
                Hint = $"is the disk mounted? findmnt -T {folder.Path}",
            };
        }
    }

    private McpException Absent(string service) => new(FaultCode.NotFound, $"{parts.Node} holds no data of {service}") { Hint = $"mcp data list {service}" };

    private static ServiceName Parse(string name) => ServiceName.TryParse(name, out var service, out var problem)
        ? service.Value == ReservedNames.MasterService
            ? throw new McpException(FaultCode.PermissionDenied, $"the data of {name} is not exported: it holds the fleet's keys") { Hint = "on its node: mcp master backup <file>" }
            : service
        : throw new McpException(FaultCode.InvalidArgument, $"the service name '{Printable.Line(name, 80)}' {problem}");
}
