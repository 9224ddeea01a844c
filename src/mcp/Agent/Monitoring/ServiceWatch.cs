using System.Globalization;
using Mcp.Agent.Deploying;
using Mcp.Agent.Registry;
using Mcp.Alerts;
using Mcp.Names;
using Mcp.Podman;

namespace Mcp.Agent.Monitoring;

/// <summary>
/// One look at one service: what is there, against what was asked for, and what happened since the last look.
/// 1 Nobody may work on the service, before and after the look: what an operation does is not drift. 2 Podman is asked. 3 Conditions begin and end.
/// 4 Ends of containers that nobody asked for are told, one by one until they are too many to be told so.
/// </summary>
internal sealed class ServiceWatch(AgentParts parts, Observer observer, ConditionReport report)
{
    /// <summary>Ends again and again.</summary>
    public const string Flapping = "container flapping";

    /// <summary>Ended by itself and was started again.</summary>
    public const string Exited = "container exited";

    // Podman notes an end before it answers the call that asked for it; the clock that both are read from may have been set a little meanwhile.
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(300);

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Service, string Component), WatchedContainer> _watched = [];

    /// <summary>Looks. False: somebody works on the service; look again.</summary>
    /// <exception cref="PodmanException">Podman does not answer: unknown is not absent.</exception>
    /// <exception cref="Errors.McpException">The registry cannot be written.</exception>
    public async Task<bool> LookAsync(string service, CancellationToken ct)
    {
        // 1
        if (!ServiceName.TryParse(service, out var name, out _))
            return true;
        if (!parts.Start.Done || parts.Locks.TurnOf(name) is not { } turn)
            return false;
        if (parts.Services.Find(service) is not { } row)
        {
            Gone(service);
            return true;
        }
        // 2
        var observed = await observer.LookAsync(row, ct);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var missing in observed.Where(o => o.Container is null))
        {
            if (await parts.Podman.InspectContainerAsync(missing.Row.ContainerName, ct) is not null)
                taken.Add(missing.Row.Name);
        }
        if (parts.Locks.TurnOf(name) != turn)
            return false;
        // 3
        Judge(row, observed, taken);
        // 4
        foreach (var one in observed)
            Tell(row, one, turn);
        return true;
    }

    /// <summary>Podman says that a container ended. Which service is to be looked at; null: it is not one of this agent's.</summary>
    public string? Note(PodmanEvent happened)
    {
        // Labels can be anybody's (a second fleet on this podman, an image's own): only what the registry names is this agent's to report.
        // A container that was adopted has none of them, and is known by its id.
        var service = happened.Attributes.GetValueOrDefault(OwnLabels.Service) ?? parts.Adopted.Find(happened.Id)?.Service ?? "";
        if (parts.Services.Find(service) is not { } row)
            return null;
        if (happened.Action is "died" or "oom" && row.Components.FirstOrDefault(c => c.ContainerId == happened.Id) is { } component)
        {
            var code = int.TryParse(happened.Attributes.GetValueOrDefault("containerExitCode"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : (int?)null;
            lock (_gate)
                Watched(service, component.Name).Ended(new ContainerEnd(happened.Time ?? parts.Clock.GetUtcNow(), code, happened.Action == "oom"));
        }
        return service;
    }

    /// <summary>
    /// Services with a container whose first process or conmon has died since the last look. Podman has no event for a conmon that was killed: who
    /// would tell it.
    /// </summary>
    public IReadOnlyList<string> Sweep()
    {
        var dead = new List<string>();
        lock (_gate)
        {
            foreach (var (key, container) in _watched)
            {
                var (pid, conmon) = container.Processes;
                if (pid == 0 || (ProcessLife.IsAlive(pid) && ProcessLife.IsAlive(conmon)))
                    continue;
                container.Processes = default;
                dead.Add(key.Service);
            }
        }
        return dead;
    }

    private void Judge(RegisteredServiceRow row, IReadOnlyList<Observed> observed, HashSet<string> taken)
    {
        var matters = ContainerConditions.Of(row, [.. observed.Select(o => o.Seen)]).ToList();
        foreach (var (subject, _) in parts.Alerts.OpenNow().Where(o => o.Notice.Subject.Service == row.Name).Select(o => (o.Notice.Subject, o.Since)))
        {
            var one = observed.FirstOrDefault(o => o.Row.Name == subject.Component);
            if (one is null)
                report.Ends(subject, $"{row.Name} has no component {subject.Component} any more");
            else if (ContainerConditions.Kinds.Contains(subject.Kind) && !matters.Exists(m => m.Subject.Kind == subject.Kind && m.Subject.Component == subject.Component))
                report.Ends(subject, IsWished(row, one.Row) ? $"{one.Row.ContainerName} is {one.Seen.State}" : $"{one.Row.ContainerName} is {one.Seen.State}, as it should be");
        }
        foreach (var matter in matters)
        {
            report.Begins(matter.Subject.Kind == ContainerConditions.Missing && taken.Contains(matter.Subject.Component)
                ? matter with { Message = $"{matter.Message}, and another container has its name", Command = $"podman inspect {observed.First(o => o.Row.Name == matter.Subject.Component).Row.ContainerName}; podman rm it; {matter.Command}" }
                : matter);
        }
    }

    private void Tell(RegisteredServiceRow row, Observed one, long turn)
    {
        var now = parts.Clock.GetUtcNow();
        var subject = new AlertSubject(Flapping, "", row.Name, one.Row.Name);
        var before = report.IsSo(subject);
        List<ContainerEnd> ends;
        FlapWindow flaps;
        lock (_gate)
        {
            var known = _watched.ContainsKey((row.Name, one.Row.Name));
            var watched = Watched(row.Name, one.Row.Name);
            watched.Looked(one.Container, turn, now);
            ends = [.. watched.Ends];
            watched.Ends.Clear();
            flaps = watched.Flaps;
            // What flapped before this process began gets a whole window to show that it is over.
            if (!known && before)
                flaps.Add(now);
        }
        ends.RemoveAll(end => parts.Operations.WorkedOn(row.Name, end.At, Slack));
        foreach (var end in ends.Where(_ => IsWished(row, one.Row)))
            flaps.Add(end.At);
        var flapping = flaps.IsFlapping(now, before);
        var settings = parts.Configuration.Monitor;
        foreach (var end in before ? [] : ends.Take(settings.FlapThreshold))
            TellEnd(row, one, end);
        if (flapping)
        {
            var last = ends.LastOrDefault(e => e.ExitCode is not null)?.ExitCode ?? one.Seen.ExitCode;
            report.Begins(new AlertNotice(
                subject, "error", $"{one.Row.ContainerName} ended {flaps.CountAt(now)} times within {settings.FlapWindow.TotalMinutes:0.#} min (last exit code {last}); single ends are not told until that is over", $"mcp logs {row.Name}"));
        }
        else
        {
            report.Ends(subject, $"{one.Row.ContainerName} has not ended for {settings.FlapWindow.TotalMinutes:0.#} min");
        }
    }

    private void TellEnd(RegisteredServiceRow row, Observed one, ContainerEnd end)
    {
        var killed = end.OutOfMemory || (one.Container is { OomKilled: true } && one.Seen.State != "running");
        var how = killed ? "was ended by the kernel: out of memory" : end.ExitCode is { } code ? $"ended with exit code {code}" : "ended (podman's event was missed, so its exit code is not known)";
        var bad = killed || end.ExitCode is not 0;
        var again = one.Seen.State == "running";
        var message = $"{one.Row.ContainerName} {how}{(again ? " and runs again" : "")}";
        var happened = new NodeEvent("exited", killed ? "error" : bad ? "warning" : "info", message) { Service = row.Name, Component = one.Row.Name };
        // One that stays down has its condition, which is alerted; one that was asked to be stopped needs none.
        if (bad && again && IsWished(row, one.Row))
            report.Happened(new AlertNotice(new AlertSubject(Exited, "", row.Name, one.Row.Name), happened.Severity, message, $"mcp logs {row.Name}"), happened);
        else
            parts.Events.Add(happened);
    }

    private void Gone(string service)
    {
        foreach (var (notice, _) in parts.Alerts.OpenNow().Where(o => o.Notice.Subject.Service == service))
            report.Ends(notice.Subject, $"{service} is not deployed here any more");
        lock (_gate)
        {
            foreach (var key in _watched.Keys.Where(k => k.Service == service).ToList())
                _watched.Remove(key);
        }
    }

    private WatchedContainer Watched(string service, string component)
    {
        if (!_watched.TryGetValue((service, component), out var watched))
            _watched.Add((service, component), watched = new WatchedContainer(new FlapWindow(parts.Configuration.Monitor.FlapThreshold, parts.Configuration.Monitor.FlapWindow)));
        return watched;
    }

    private static bool IsWished(RegisteredServiceRow row, RegisteredComponentRow component) => row.DesiredRunning && !component.Stopped;
}
