using System.Globalization;

namespace Mcp.Cli.Doctor;

/// <summary>
/// The range of host ports that the agent gives to routes beside the range from which the kernel takes ports for outgoing connections: where they
/// overlap, a service may find its port taken by a passing connection.
/// </summary>
internal sealed class PortRangeCheck() : DoctorCheck("ports")
{
    private const string Kernel = "/proc/sys/net/ipv4/ip_local_port_range";

    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<DoctorLine>>(scene.Agent is { } agent && Parse(scene.ReadText(Kernel)) is { } kernel ? [Judge(agent.Ports, kernel)] : []);

    /// <summary>The verdict on two ranges, ends included.</summary>
    public DoctorLine Judge((int First, int Last) ours, (int First, int Last) kernel) =>
        ours.First <= kernel.Last && kernel.First <= ours.Last
            ? Warning($"[ports] {ours.First} to {ours.Last} overlaps the kernel's ports for outgoing connections, {kernel.First} to {kernel.Last}",
                $"change [ports] in mcp-agent.toml, or: sysctl -w net.ipv4.ip_local_port_range='{Math.Max(ours.Last + 1, 32768)} 60999'")
            : Ok($"host ports {ours.First} to {ours.Last}, outgoing connections {kernel.First} to {kernel.Last}");

    /// <summary>Reads the kernel's two numbers; null when they are not two numbers.</summary>
    public static (int First, int Last)? Parse(string? text) =>
        text?.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [var first, var last]
        && int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var from) && int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var to)
            ? (from, to)
            : null;
}
