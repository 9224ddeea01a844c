using Mcp.Archive;
using Mcp.Confined.V1;
using Mcp.Errors;
using Mcp.Native;

namespace Mcp.Confinement;

/// <summary>A failure in the child as a frame, and back into the exception of the one who asked.</summary>
internal static class ConfinedFaults
{
    /// <summary>EIO.</summary>
    private const int InputOutput = 5;

    /// <summary>What the child says of a failure.</summary>
    public static ConfinedFault From(Exception failure)
    {
        var fault = failure switch
        {
            McpException known => known,
            ArchiveException archive => new McpException(FaultCode.InvalidArgument, archive.Message),
            PathFault { Error: PathFault.NoSpace or PathFault.Quota } full => new McpException(FaultCode.ResourceExhausted, "the disk is full") { Cause = full.Message },
            IOException io when (io.HResult & 0xffff) is PathFault.NoSpace or PathFault.Quota => new McpException(FaultCode.ResourceExhausted, "the disk is full") { Cause = io.Message },
            PathFault { Error: InputOutput } broken => Broken(broken.Message),
            IOException io when (io.HResult & 0xffff) == InputOutput => Broken(io.Message),
            IOException io => new McpException(FaultCode.Internal, "a file could not be read or written") { Cause = io.Message },
            InvalidDataException broken => new McpException(FaultCode.Internal, "the confined process was not understood") { Cause = broken.Message },
            _ => new McpException(FaultCode.Internal, "the confined process failed unexpectedly") { Cause = $"{failure.GetType().Name}: {failure.Message}" },
        };
        return new ConfinedFault { Code = fault.Code.ToString(), Detail = fault.ToDetail() };
    }

    private static McpException Broken(string cause) =>
        new(FaultCode.DataLoss, "the disk reported an error") { Cause = cause, Hint = "look at the kernel's messages of that machine: dmesg | tail" };

    /// <summary>The fault as the exception that it was; a code that is none is Internal.</summary>
    public static McpException ToFault(this ConfinedFault fault) =>
        (fault.Detail ?? new V1.ErrorDetail { What = "the confined process failed without a word" })
            .ToFault(Enum.TryParse<FaultCode>(fault.Code, out var code) && Enum.IsDefined(code) ? code : FaultCode.Internal);
}
