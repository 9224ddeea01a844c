using Mcp.Errors;
using Mcp.Text;

namespace Mcp.Cli.Doctor;

/// <summary>
/// Runs the checks side by side and puts their lines into one report, in the order of the checks whatever finished first. A check that throws is
/// an error line, and so is one that takes too long: the doctor is asked when things are broken, and must not break with them.
/// </summary>
internal static class DoctorRun
{
    /// <summary>No check may take longer; each has shorter limits of its own for what it asks.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    /// <summary>All checks, in the order of the report: from what everything stands on to what stands on it.</summary>
    public static IReadOnlyList<DoctorCheck> All =>
    [
        new ConfigurationCheck(), new KernelCheck(), new ClockCheck(), new SecretsCheck(), new CertificatesCheck(), new DatabasesCheck(), new DiskCheck(),
        new AddressesCheck(), new PortRangeCheck(), new PodmanCheck(), new PodmanUnitsCheck(), new RootlessCheck(), new UnitsCheck(), new PeersCheck(),
    ];

    /// <summary>Runs them.</summary>
    public static async Task<IReadOnlyList<DoctorLine>> RunAsync(DoctorScene scene, IReadOnlyList<DoctorCheck> checks, TimeSpan limit, CancellationToken cancel) =>
        [.. (await Task.WhenAll(checks.Select(c => LookAsync(scene, c, limit, cancel)))).SelectMany(lines => lines)];

    private static async Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, DoctorCheck check, TimeSpan limit, CancellationToken cancel)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        timer.CancelAfter(limit);
        try
        {
            // On a thread of its own and waited for from outside: a check that sits in a system call hears no token.
            return await Task.Run(() => check.LookAsync(scene, timer.Token), timer.Token).WaitAsync(timer.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return [new(check.Name, Verdict.Error, $"could not be looked at within {limit.TotalSeconds:0} s", "something that it asks hangs: a disk, podman or a name server")];
        }
        catch (McpException e)
        {
            return [new(check.Name, Verdict.Error, Printable.Line(e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}"), e.Hint)];
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return [new(check.Name, Verdict.Error, Printable.Line($"the check itself failed: {e.GetType().Name}: {e.Message}"), "this is a defect of mcp; the other lines hold")];
        }
    }
}
