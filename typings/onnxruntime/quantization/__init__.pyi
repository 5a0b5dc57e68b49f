from enum import Enum

class QuantFormat(Enum):
    QOperator = 0
    QDQ = 1
